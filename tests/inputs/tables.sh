# Sourced by inputs_test.sh: tables that name images and their classes.

# table FILE LINE...: a table, and the images photos/{cat,dog}/{1,2}.png.
table() {
  class_folders photos
  printf '%b\n' "${@:2}" > "$1"
}

make_excel() { table table.csv '\0357\0273\0277path;label\r' 'photos\\cat\\1.png;cat\r' 'photos\\dog\\1.png;dog\r'; }

make_wide_characters() {
  table narrow.tsv 'path\tlabel' 'photos/cat/1.png\tcat' 'photos/dog/1.png\tdog'
  iconv -t UTF-16 narrow.tsv > table.tsv
}

make_spellings() { table table.csv path,label photos/cat/1.png,0 photos/dog/1.png,1 'photos/dog/2.png, 1.0'; }
make_codes() { table table.csv path,label photos/cat/1.png,1 photos/dog/1.png,900; }
make_other_columns() {
  table table.tsv 'file\tsharpness\tclass' 'photos/cat/1.png\t0.5\tcat' 'photos/dog/1.png\t0.7\tdog'
}
make_absolute_paths() { table table.csv path,label "$PWD/photos/cat/1.png,cat" "$PWD/photos/dog/1.png,dog"; }
make_gaps() { table table.csv path,label,age:1 photos/cat/1.png,cat,3.5 photos/dog/1.png,dog,nan; }
make_no_header() { table table.csv photos/cat/1.png,cat photos/dog/1.png,dog; }
make_missing_image() { table table.csv path,label photos/cat/1.png,cat photos/dog/9.png,dog; }
make_decimal_commas() { table table.csv 'path;label;age' 'photos/cat/1.png;cat;1,5' 'photos/dog/1.png;dog;2'; }
make_one_hot() { table table.csv path,cat,dog photos/cat/1.png,1,0 photos/dog/1.png,0,1; }
make_no_endings() { table table.csv path,label photos/cat/1,cat photos/dog/1,dog; }
make_several_classes() {
  table table.csv path,label photos/cat/1.png,cat photos/dog/1.png,dog 'photos/dog/2.png,cat;dog'
}
make_odd_split() { table table.csv path,label,split photos/cat/1.png,cat,train photos/dog/1.png,dog,holdout; }
make_split_folders_in_paths() {
  class_folders set/train
  class_folders set/test
  printf 'path,label\nset/train/cat/1.png,cat\nset/test/dog/1.png,dog\n' > table.csv
}
make_addresses() { table table.csv path,label http://example.org/1.png,cat; }
make_parquet() { printf 'PAR1\25\0PAR1' > train.parquet; }
