// Sentences about the labels behind an evaluation: what a reader of its numbers should know. Each
// is empty where there is nothing to say.
#ifndef CASSLE_EVAL_EMBEDDINGS_LABEL_NOTES_H_
#define CASSLE_EVAL_EMBEDDINGS_LABEL_NOTES_H_

#include <cstdint>
#include <string>
#include <vector>

namespace cassle {

// "a, b, c", of more than ten: "a, b, ... and 891 more".
std::string FirstNames(const std::vector<std::string>& names);

// "1 of 4 rows of --train have no class of label and are left out".
//   flag  that named them: "train".
//   what  they lack: "class of label".
std::string LeftOutSentence(const std::string& flag, const std::string& what, int64_t missing,
                            int64_t rows);

// Classes that are tested but were not learnt: no answer to their images can be right.
//   learnt, tested  images of each class.
std::string UnlearntClassesSentence(const std::vector<std::string>& class_names,
                                    const std::vector<int64_t>& learnt,
                                    const std::vector<int64_t>& tested);

// Classes that have no image in either, and those without test images, which no average over
// classes counts.
std::string EmptyClassesSentence(const std::vector<std::string>& class_names,
                                 const std::vector<int64_t>& learnt,
                                 const std::vector<int64_t>& tested);

}  // namespace cassle

#endif  // CASSLE_EVAL_EMBEDDINGS_LABEL_NOTES_H_
