# Sourced by inputs_test.sh: images that are not what their names say, or not whole.

# photo FILE: a JPEG.
photo() {
  mkdir -p pictures/all
  pictures pictures/all/1.png
  shard-encoder --input=pictures --store=JPEG --output=jpegs
  shard-cat --input=jpegs --extract=0 --to="$1"
}

make_other_formats() {
  mkdir -p set/cat
  printf 'P2 2 1 255\n9 200\n' > set/cat/1.pgm
}

# A TIFF of one pixel.
make_bands() {
  mkdir -p set/cat
  {
    printf 'II*\0\30\0\0\0\1\2\3\4\5\6\7\10\11\12\13\14\15\0\0\0'
    printf '\7\0\0\1\3\0\1\0\0\0\1\0\0\0\1\1\3\0\1\0\0\0\1\0\0\0\2\1\3\0\1\0\0\0\10\0\0\0'
    printf '\6\1\3\0\1\0\0\0\1\0\0\0\21\1\4\0\1\0\0\0\10\0\0\0\25\1\3\0\1\0\0\0\15\0\0\0'
    printf '\27\1\4\0\1\0\0\0\15\0\0\0\0\0\0\0'
  } > set/cat/1.tif
}

# A GIF of one pixel that cannot be seen.
make_transparent() {
  mkdir -p set/cat
  base64 -d > set/cat/1.gif <<< R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
}

make_wrong_endings() {
  mkdir -p set/cat
  pictures set/cat/1.jpg
}

# Orientation 6: shown a quarter turn clockwise.
make_turned() {
  mkdir -p set/cat
  photo plain.jpg
  {
    head -c 2 plain.jpg
    printf '\377\341\0\42Exif\0\0II*\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0'
    tail -c +3 plain.jpg
  } > set/cat/1.jpg
}

make_damaged() {
  class_folders set
  photo set/cat/3.jpg
  truncate -s -200 set/cat/3.jpg
  printf '\377\331' >> set/cat/3.jpg
}

make_broken() {
  class_folders set
  : > set/cat/2.png
  truncate -s 200 set/dog/2.png
}
make_some_broken() { make_broken; }

make_enormous() {
  mkdir -p set/cat
  printf 'P6 20000 20000 255\n' > set/cat/1.ppm
}
