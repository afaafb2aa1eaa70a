# Sourced by inputs_test.sh: labels that are missing, and test images that are not new.

# a_model: ./model, trained for a moment; the same for all rows. Its weights are in ../exported, too.
a_model() {
  if [ ! -d ../model ]; then
    shard-encoder "${small_shapes[@]}" --output=../shapes
    pretrain --input=../shapes "${small_training[@]}" --epochs=1 --output=../model
    export-weights --input=../model --output=../exported > ../exported.json
  fi
  cp -r ../model model
}

make_partly_labelled() {
  a_model
  table table.csv path,label photos/{cat/1.png,cat/2.png}",cat" photos/dog/1.png,dog photos/dog/2.png,
}

make_leak() {
  a_model
  class_folders set/train
  cp -r set/train set/test
}

make_conflicts() {
  a_model
  class_folders set
  cp set/cat/1.png set/dog/3.png
}
