// Which folders beside an output are the harness's to remove: OUTPUT.partial is a name that people
// use too.
#ifndef CASSLE_STAGE_OWN_FOLDERS_H_
#define CASSLE_STAGE_OWN_FOLDERS_H_

#include <string>

#include "absl/status/status.h"

namespace cassle {

// OK if there is nothing of that name, or a folder that is empty or bears the harness's marks: a
// manifest or a job.
// \error kAlreadyExists, which says to move it away.
absl::Status RequireOwn(const std::string& folder);

// Removes what is in a folder of one's own but keeps the folder, whose lock may be held. Killed in
// between, what is left bears a mark and is no finished output.
absl::Status EmptyOwn(const std::string& folder);

// As RequireOwn, then removes the folder; fine if it is missing. Writes nothing, so that it works
// on a full disk. Killed in between, what is left bears a mark.
absl::Status RemoveOwn(const std::string& folder);

}  // namespace cassle

#endif  // CASSLE_STAGE_OWN_FOLDERS_H_
