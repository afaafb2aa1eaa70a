// The stage contract, kept in one place: resolved options, fingerprints, `up to date`, atomic
// outputs, resuming.
//
//   StageInfo EmbedInfo();  // name, version and summary
//   absl::Status RunEmbed(const v1::EmbedOptions& options, StageContext& context);  // the work
//
//   int main(int argc, char** argv) {  // embed_main.cc, which tools/stages.bzl writes
//     return cassle::StageMain(argc, argv, cassle::EmbedInfo(), cassle::RunEmbed);
//   }
//
// A stage writes its files into context.output_dir(), which is OUTPUT.partial; only when the work
// returns OK the harness adds stage.textproto and renames the folder to OUTPUT. A stage that dies
// leaves OUTPUT.partial, which no other stage accepts; started again with the same options and
// inputs, it finds its files there (resumed()).
#ifndef CASSLE_STAGE_STAGE_H_
#define CASSLE_STAGE_STAGE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/stage/stage.pb.h"
#include "cassle/stage/stage_team.h"

namespace google {
namespace protobuf {
class Message;
}  // namespace protobuf
}  // namespace google

namespace cassle {

class StageContext;

struct StageInfo {
  // As users type it: "shard-encoder".
  std::string name;
  // Raised whenever equal options and inputs would give other bytes.
  int version = 1;
  // One or two sentences for --help.
  std::string summary;
  // Whether unfinished outputs are worth going on from. If not, the stage starts over.
  bool resumable = false;
  // Replaces what an option leaves to the machine ("auto") by what is chosen on this one, before
  // the output gets its identity, and notes the choice. May be empty.
  std::function<absl::Status(google::protobuf::Message* options, StageContext* context)> resolve =
      nullptr;
  // A paragraph of --help after the settings, for what their annotations cannot say. May be empty.
  std::function<std::string()> more_help = nullptr;
  // Judges what relates options, before inputs are read or an existing output is looked at. May be
  // empty (CheckOf).
  std::function<absl::Status(const google::protobuf::Message& options)> check = nullptr;
  // Fingerprint of what the inputs name outside of themselves, such as the images of a table
  // (empty: nothing): part of the output's identity like that of an input. May be empty.
  std::function<absl::StatusOr<std::string>(const google::protobuf::Message& options,
                                            const StageContext& context)>
      named_inputs = nullptr;
  // The processes that do the work together; null if this one is alone. May be empty
  // (cassle/runtime/ranks/stage_ranks.h).
  std::function<absl::StatusOr<std::unique_ptr<StageTeam>>(const google::protobuf::Message& options,
                                                           const StageContext& context)>
      team = nullptr;
};

// What is asked of one run and is not part of its identity.
struct StageSettings {
  int threads = 1;
  // Replaces an output that was made with other options or inputs, or makes it again.
  bool force = false;
  // Leaves seconds and memory out of stage.textproto, for build systems that cache by content.
  bool omit_costs = false;
  // Becomes true when the user or the system asks to stop. May be null.
  const std::atomic<bool>* interrupted = nullptr;
};

// What the work sees of the harness. Not thread-safe, except interrupted() and threads().
class StageContext {
 public:
  explicit StageContext(const StageSettings& settings) : settings_(settings) {}

  // The folder to fill; empty when streaming(), when the stage has no output, and on ranks that do
  // not lead.
  const std::string& output_dir() const { return output_dir_; }
  // output_dir() holds the files of an earlier run of the same identity that did not finish.
  bool resumed() const { return resumed_; }
  // The output is a stream on stdout ("-").
  bool streaming() const { return streaming_; }
  // On one of several ranks its share of the machine's.
  int threads() const;
  // Null if this process is alone.
  StageTeam* team() const { return team_.get(); }
  // Alone or rank 0: whoever has the output.
  bool leads() const { return team_ == nullptr || team_->leads(); }
  // SIGINT, SIGTERM or SIGHUP came: save what is worth saving and return kCancelled.
  bool interrupted() const { return settings_.interrupted != nullptr && *settings_.interrupted; }
  // Stage, version, options and inputs of this run, as its stage.textproto will have them; empty
  // when streaming or without an output.
  const v1::StageManifest& birth() const { return birth_; }
  // Fingerprint of the first input that the options field `field` named; empty if it named none.
  std::string input_fingerprint(const std::string& field) const;

  // Counts for stage.textproto, e.g. Count("images", 50000).
  void Count(const std::string& name, int64_t value) { counts_[name] = value; }
  // Replaces an entry of the costs in stage.textproto, e.g. Spend("views.decode", 12.5). Seconds
  // never enter the result, the outputs or their fingerprints.
  void Spend(const std::string& name, double seconds) { spent_[name] = seconds; }
  // The machine-readable result: on stdout as JSON and in stage.textproto. The same inputs must
  // give the same.
  absl::Status SetResult(const google::protobuf::Message& result);
  const std::string& result_json() const { return result_json_; }
  // A decision of the stage and its reason, one sentence: in stage.textproto, in the result line,
  // and on stderr as soon as the work begins (a run that cannot begin says only why).
  void Note(const std::string& sentence);
  // The same of what makes the result doubtful: a warning on stderr.
  void NoteWarning(const std::string& sentence);
  // Tells others what this unfinished run is (ReadRecord in stage_manifest.h): its birth, and what
  // was counted and noted so far. Cheap; to be called when the work is sure to begin.
  absl::Status KeepRecord() const;
  // A line for people on stderr, and in the log file if there is one (stage_log.h); of several
  // ranks only the one that leads says it.
  void Say(const std::string& line) const;
  // The same for what somebody should look at: severity WARNING in the log file.
  void Warn(const std::string& line) const;

 private:
  friend class StageRunner;
  void AddCountsAndNotes(v1::StageManifest* manifest) const;

  const StageSettings settings_;
  std::string stage_name_;
  std::string output_dir_;
  bool resumed_ = false;
  bool working_ = false;
  bool streaming_ = false;
  std::unique_ptr<StageTeam> team_;
  v1::StageManifest birth_;
  std::map<std::string, int64_t> counts_;
  std::map<std::string, double> spent_;
  std::vector<std::string> notes_;
  std::string result_json_;
};

struct StageOutcome {
  // The output was there already; nothing was done.
  bool up_to_date = false;
  // Where the output is; empty if there is none, and on ranks that do not lead.
  std::string output;
  v1::StageManifest manifest;
};

using StageWork = std::function<absl::Status(const google::protobuf::Message&, StageContext&)>;

// Runs a stage under the contract. `options` may lack defaults. Reads no flags, never exits.
// \error kInvalidArgument if a setting is out of its range (CheckRanges in options.h) or no output
// is named; kAlreadyExists if the output was made with other options or inputs, or was begun with
// such by a stage that can resume (and !force), is not a stage output, or is being written by
// another process; kNotFound or kDataLoss for inputs that are missing or incomplete; whatever the
// work returns.
absl::StatusOr<StageOutcome> RunStageWork(const StageInfo& info,
                                          const google::protobuf::Message& options,
                                          const StageSettings& settings, const StageWork& work);

// StageInfo.check of a function that knows its options.
template <class Options>
std::function<absl::Status(const google::protobuf::Message&)> CheckOf(
    absl::Status (*check)(const Options&)) {
  return [check](const google::protobuf::Message& options) {
    return check(static_cast<const Options&>(options));
  };
}

template <class Options>
absl::StatusOr<StageOutcome> RunStage(const StageInfo& info, const Options& options,
                                      const StageSettings& settings,
                                      absl::Status (*work)(const Options&, StageContext&)) {
  return RunStageWork(info, options, settings,
                      [work](const google::protobuf::Message& resolved, StageContext& context) {
                        return work(static_cast<const Options&>(resolved), context);
                      });
}

}  // namespace cassle

#endif  // CASSLE_STAGE_STAGE_H_
