# Sourced by inputs_test.sh: folders of images.

# class_folders FOLDER: two images each of two classes.
class_folders() {
  mkdir -p "$1"/{cat,dog}
  pictures "$1"/{cat,dog}/{1,2}.png
}

make_class_folders() {
  class_folders set
  printf 'file,remark\ncat/1.png,sharp\n' > set/notes.csv
}

make_split_folders() { class_folders set/train && class_folders set/test && class_folders set/extra; }
make_odd_folder() { make_split_folders; }
make_half_named() {
  mkdir -p set/{train2017,val2017,sample}
  pictures set/{train2017,val2017,sample}/1.png
}
make_doubled() { class_folders set/seg_train/seg_train && class_folders set/seg_test/seg_test; }
make_holdout() { class_folders set/train && class_folders set/holdout; }
make_folder_too_high() { class_folders set/photos; }

make_link_loop() {
  class_folders set
  ln -s .. set/cat/up
}

make_pipe() { mkdir -p set/cat && mkfifo set/cat/1.png set/labels.csv; }

make_odd_names() {
  class_folders set
  mv set/cat/1.png $'set/cat/caf\351.png'
}

make_two_forms() {
  mkdir -p $'set/caf\303\251' $'set/cafe\314\201'
  pictures $'set/caf\303\251/1.png' $'set/cafe\314\201/2.png'
}

make_capitals() {
  mkdir -p set/{Cat,cat}
  pictures set/{Cat,cat}/1.png
}

make_blanks() {
  mkdir -p set/{cat,'cat '}
  pictures set/{cat,'cat '}/1.png
}

make_leftovers() {
  class_folders set
  mkdir -p set/__MACOSX/cat set/bird
  touch set/.DS_Store set/__MACOSX/cat/._1.png
}

make_splits_inside() {
  mkdir -p set/{cat,dog}/{train,test}
  pictures set/{cat,dog}/{train,test}/1.png
}

make_folders_inside() { class_folders set/street && class_folders set/studio; }
make_domains() { make_folders_inside; }
make_masks() { class_folders set/images && class_folders set/masks; }

make_pieces() { mkdir -p set/images_part_{1,2} && pictures set/images_part_1/10.png set/images_part_2/20.png; }
make_listed_pieces() { make_pieces && printf 'image,label\n10.png,cat\n20.png,dog\n' > set/meta.csv; }

make_labelling_tools() {
  mkdir -p set/train/{images,labels}
  pictures set/train/images/1.png
  printf '0 0.5 0.5 0.2 0.2\n' > set/train/labels/1.txt
}

make_metadata() {
  mkdir -p set/{train,test}
  pictures set/{train,test}/1.png
  for split in train test; do printf 'file_name,label\n1.png,cat\n' > set/$split/metadata.csv; done
}
make_metadata_given() { make_metadata; }

make_mask_files() {
  class_folders set
  pictures set/cat/1_mask.png
}

make_names() {
  mkdir set
  pictures set/{cat,dog}.{1,2}.png
}
make_no_labels() { make_names; }

make_other_files() {
  class_folders set
  pictures set/cat/3.png
  mv set/cat/3.png set/cat/3
  touch set/cat/{4,5}.tga set/dog/6.svg
}

make_numbers() {
  mkdir -p set/{1,2,10}
  pictures set/{1,2,10}/1.png
}

make_split_list() {
  mkdir -p set/{accordion,yin_yang}
  pictures set/{accordion,yin_yang}/image_000{1,2}.jpg
  for class in accordion yin_yang; do
    printf '%s/image_0001.jpg train\n%s/image_0002.jpg test\n' $class $class
  done > splits.txt
}
