# Sourced by inputs_test.sh: weights as other tools keep them.

make_own_export() {
  a_model
  cp -r ../exported exported
}

# foreign FORM OUTPUT: the weights of ./model in another tool's form (weights.py).
foreign() {
  a_model
  python3 "$inputs/weights.py" "$1" ../exported/backbone.safetensors "$2"
}

make_checkpoint() { foreign checkpoint checkpoint.pth; }
make_two_networks() { foreign dino checkpoint.pth; }
make_dino() { foreign dino checkpoint.pth; }
make_hugging_face() { foreign hugging_face resnet; }
make_half() { foreign half half.safetensors; }
make_sequential() { foreign sequential sequential.pth; }
make_parts() { foreign parts large; }

# Recognised is not enough: the weights are those of ./model.
check_weights() {
  local fingerprint
  fingerprint=$(grep -o '"weights_fingerprint":"[^"]*"' ../exported.json)
  [ -n "$fingerprint" ] && grep -qF "$fingerprint" "$1" || fail "$name: other weights than the model's"
}
check_own_export() { check_weights "$1"; }
check_checkpoint() { check_weights "$1"; }
check_dino() { check_weights "$1"; }
check_hugging_face() { check_weights "$1"; }
check_sequential() { check_weights "$1"; }
check_parts() { check_weights "$1"; }
