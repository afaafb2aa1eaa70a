# Sourced by inputs_test.sh: archives.

make_tar() {
  class_folders set
  tar -czf set.tar.gz -C set cat dog
}

make_zip() {
  class_folders set
  (cd set && python3 -m zipfile -c ../set.zip cat dog)
}

make_labels_apart() {
  pictures {a,b}.1.png
  printf 0 > a.1.cls
  printf 1 > b.1.cls
  tar -cf set.tar {a,b}.1.png {a,b}.1.cls
}

make_json() {
  pictures {a,b}.png
  printf '{"label": 7, "kind": "cat"}' > a.json
  printf '{"label": 7, "kind": "dog"}' > b.json
  tar -cf set.tar {a,b}.{png,json}
}

make_texts() {
  pictures {a,b}.png
  printf 'cat\n' > a.txt
  printf 'dog\n' > b.txt
  tar -cf set.tar {a,b}.{png,txt}
}

make_captions() {
  pictures a.png
  printf 'a cat on a mat\n' > a.txt
  tar -cf set.tar a.{png,txt}
}

make_several_images() {
  pictures a.{left,right}.png
  printf 0 > a.cls
  tar -cf set.tar a.{left.png,right.png,cls}
}

make_hidden_members() {
  class_folders .
  touch cat/._1.png
  tar -cf set.tar cat dog
}

make_shards() {
  mkdir set
  pictures 0.png
  printf 0 > 0.cls
  for shard in x-{train-0,train-1,val-0}; do tar -cf set/$shard.tar 0.png 0.cls; done
}

make_packed_twice() {
  mkdir set
  pictures 0.png
  printf 0 > 0.cls
  tar -cf set/train.tar 0.png 0.cls
  gzip -k set/train.tar
}

make_labels_inside() {
  class_folders .
  printf 'path,label\ncat/1.png,0\n' > labels.csv
  mkdir images
  mv cat/1.png images/1.png
  mv cat/2.png images/2.png
  mv dog/1.png images/3.png
  mv dog/2.png images/4.png
  python3 -m zipfile -c set.zip images labels.csv
  rm -r images
}

make_class_folder() {
  class_folders .
  tar -cf train.tar cat dog
  tar -cf test.tar dog
}

make_odd_ending() {
  class_folders .
  tar -czf set.dat cat dog
}

make_broken_json() {
  make_json
  printf '{"label": 7' > b.json
  tar -cf set.tar {a,b}.{png,json}
}

make_links() {
  class_folders .
  ln -s 1.png cat/3.png
  ln dog/1.png dog/3.png
  tar --sort=name -cf set.tar cat dog
}

make_joined() {
  class_folders .
  tar -cf a.tar cat
  tar -cf b.tar dog
  cat a.tar b.tar > set.tar
}

make_joined_zips() {
  class_folders .
  python3 -m zipfile -c a.zip cat
  python3 -m zipfile -c b.zip dog
  cat a.zip b.zip > set.zip
}

make_two_kinds() {
  pictures a.png
  printf 0 > a.cls
  tar -cf train.tar a.png a.cls
  printf cat > a.cls
  tar -cf test.tar a.png a.cls
}

make_stream() {
  class_folders .
  tar --sort=name -cf set.tar cat dog
}

make_cut_archive() {
  make_stream
  truncate -s 4000 set.tar
}

make_cut_archive_and_a_picture() {
  mkdir set
  (cd set && make_cut_archive && mv cat/1.png preview.png && rm -r cat dog)
}

make_cut_zip() {
  make_zip
  truncate -s -10 set.zip
}

# The last eight bytes are the checksum and the length.
make_changed() {
  make_tar
  truncate -s -8 set.tar.gz
  printf 'x\0\0\0\0\0\0\0' >> set.tar.gz
}

make_duplicates() {
  make_stream
  tar --sort=name -rf set.tar cat
}

make_nested() {
  make_stream
  tar -cf sets.tar set.tar
}

make_json_lines() { printf '{"path": "1.png", "label": "cat"}\n' > labels.jsonl; }

# A password shows in one bit of the flags, in front of the member and in the directory.
make_password() {
  pictures 1.png
  python3 -m zipfile -c set.zip 1.png
  python3 - << 'END'
with open("set.zip", "rb+") as file:
    data = bytearray(file.read())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + flags] |= 1
    file.seek(0)
    file.write(data)
END
}
