#include "cassle/runtime/ranks/place.h"

#include <map>
#include <string>

#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

absl::StatusOr<Place> Find(const Variables& variables, int ranks = 0,
                           const v1::LaunchConfig& launch = {}) {
  return FindPlace(ranks, launch, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string Text(const absl::StatusOr<Place>& place) {
  if (!place.ok()) return std::string(place.status().message());
  return place->launcher + " " + std::to_string(place->rank) + "/" + std::to_string(place->size) +
         " local " + std::to_string(place->local_rank) + "/" + std::to_string(place->local_size) +
         " " + place->host + ":" + std::to_string(place->port) +
         (place->starts_others ? " starts" : "");
}

const Variables kTorchrun = {{"RANK", "5"},           {"WORLD_SIZE", "8"},
                             {"LOCAL_RANK", "1"},     {"LOCAL_WORLD_SIZE", "4"},
                             {"MASTER_ADDR", "head"}, {"MASTER_PORT", "29500"}};
const Variables kSlurm = {
    {"SLURM_PROCID", "5"},
    {"SLURM_STEP_NUM_TASKS", "6"},
    {"SLURM_NTASKS", "99"},
    {"SLURM_LOCALID", "1"},
    {"SLURM_NODEID", "1"},
    {"SLURM_STEP_ID", "2"},
    {"SLURM_JOB_ID", "17"},
    {"SLURM_STEP_TASKS_PER_NODE", "4,2"},
    {"SLURM_STEP_NODELIST", "gpu[03-04]"},
};

Variables With(Variables variables, const Variables& others) {
  for (const auto& [name, value] : others) variables[name] = value;
  return variables;
}

TEST(PlaceTest, WithoutAnythingAProcessIsAlone) {
  EXPECT_EQ(Text(Find({})), " 0/1 local 0/1 :0");
  EXPECT_EQ(Text(Find(kTorchrun, 1)), " 0/1 local 0/1 :0");
}

TEST(PlaceTest, RanksAloneStartsTheOthersOnThisMachine) {
  EXPECT_EQ(Text(Find({}, 4)), " 0/4 local 0/4 127.0.0.1:0 starts");
  // A job of one process.
  EXPECT_EQ(Text(Find({{"SLURM_PROCID", "0"},
                       {"SLURM_NTASKS", "1"},
                       {"SLURM_STEP_ID", "0"},
                       {"SLURM_JOB_ID", "1"}},
                      4)),
            " 0/4 local 0/4 127.0.0.1:0 starts");
  // The script of a job: nobody else has been started yet.
  EXPECT_EQ(Text(Find({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}, 4)),
            " 0/4 local 0/4 127.0.0.1:0 starts");
  EXPECT_EQ(Text(Find({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}})), " 0/1 local 0/1 :0");
}

TEST(PlaceTest, LaunchersAreUnderstood) {
  EXPECT_EQ(Text(Find(kTorchrun)), "torchrun 5/8 local 1/4 head:29500");
  // torchrun's own store is at MASTER_PORT.
  EXPECT_EQ(Text(Find(With(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}}))),
            "torchrun 5/8 local 1/4 head:29501");
  EXPECT_EQ(Text(Find(kSlurm)), "Slurm 5/6 local 1/2 gpu03:15121");
  EXPECT_EQ(Text(Find({{"OMPI_COMM_WORLD_RANK", "1"},
                       {"OMPI_COMM_WORLD_SIZE", "2"},
                       {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                       {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}})),
            "Open MPI 1/2 local 1/2 127.0.0.1:29411");
  EXPECT_EQ(Text(Find({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MASTER_ADDR", "a"}})),
            "PMI 1/2 local 0/1 a:29411");
}

TEST(PlaceTest, PortsStayPortsForAnyNumberOfAJob) {
  const auto place = Find(With(kSlurm, {{"SLURM_JOB_ID", "2147483647"}}));
  ASSERT_OK(place);
  EXPECT_GE(place->port, 15000);
  EXPECT_LT(place->port, 30000);
  EXPECT_THAT(
      Find(With(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"MASTER_PORT", "65535"}})),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--launch.port")));
}

TEST(PlaceTest, TheMoreSpecificLauncherCounts) {
  // torchrun within srun, Open MPI within a job of Slurm.
  EXPECT_EQ(Text(Find(With(kSlurm, kTorchrun))), "torchrun 5/8 local 1/4 head:29500");
  EXPECT_THAT(Text(Find(With(kSlurm, {{"OMPI_COMM_WORLD_RANK", "1"},
                                      {"OMPI_COMM_WORLD_SIZE", "2"},
                                      {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}}))),
              HasSubstr("Open MPI 1/2"));
}

TEST(PlaceTest, OptionsCountBeforeTheEnvironment) {
  v1::LaunchConfig launch;
  launch.set_rank(1);
  launch.set_host("head");
  launch.set_local_rank(1);
  launch.set_local_ranks(2);
  EXPECT_EQ(Text(Find(kTorchrun, 2, launch)), "--launch 1/2 local 1/2 head:29411");
  launch.set_port(7);
  launch.clear_rank();
  EXPECT_EQ(Text(Find(kTorchrun, 8, launch)), "torchrun 5/8 local 1/2 head:7");
}

TEST(PlaceTest, WhatContradictsItselfIsNamed) {
  for (const auto& [place, words] : {
           std::pair(Find({{"RANK", "1"}}), AllOf(HasSubstr("RANK but no WORLD_SIZE"))),
           {Find({{"WORLD_SIZE", "2"}}), AllOf(HasSubstr("WORLD_SIZE but no RANK"))},
           {Find(With(kTorchrun, {{"RANK", "8"}})), AllOf(HasSubstr("RANK=8 and WORLD_SIZE=8"))},
           {Find(With(kTorchrun, {{"RANK", "x"}})), AllOf(HasSubstr("RANK=x"))},
           {Find(With(kTorchrun, {{"LOCAL_RANK", "-1"}})), AllOf(HasSubstr("LOCAL_RANK=-1"))},
           {Find(With(kTorchrun, {{"MASTER_PORT", "99999"}})),
            AllOf(HasSubstr("MASTER_PORT=99999"))},
           {Find(kTorchrun, 4), AllOf(HasSubstr("--ranks=4, but torchrun started 8"))},
           {Find({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}), AllOf(HasSubstr("MASTER_ADDR"))},
           {Find({{"SLURM_PROCID", "0"}, {"SLURM_STEP_ID", "0"}}),
            AllOf(HasSubstr("SLURM_PROCID but no SLURM_NTASKS"))},
       }) {
    EXPECT_EQ(place.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(Text(place), words);
  }
  v1::LaunchConfig launch;
  launch.set_rank(2);
  EXPECT_THAT(Text(Find({}, 0, launch)), HasSubstr("without --ranks"));
  EXPECT_THAT(Text(Find({}, 2, launch)), HasSubstr("--launch.rank=2 with --ranks=2"));
  EXPECT_THAT(Text(Find({}, 3, launch)), HasSubstr("--launch.host"));
  // Every rank that is started would read the same number.
  launch.Clear();
  launch.set_local_rank(1);
  EXPECT_THAT(Text(Find({}, 3, launch)), HasSubstr("--launch.local_rank with --ranks=3"));
  launch.Clear();
  launch.set_local_ranks(2);
  EXPECT_THAT(Text(Find({}, 3, launch)), HasSubstr("--launch.local_ranks with --ranks=3"));
}

TEST(PlaceTest, ListsOfSlurmAreRead) {
  EXPECT_EQ(FirstHost("gpu[03-07,9],login"), "gpu03");
  EXPECT_EQ(FirstHost("gpu[7,9]"), "gpu7");
  EXPECT_EQ(FirstHost("gpu[03-04].example,login"), "gpu03.example");
  EXPECT_EQ(FirstHost("rack[1-2]n[3-4].example,login"), "rack1n3.example");
  EXPECT_EQ(FirstHost("a,b"), "a");
  EXPECT_EQ(FirstHost("head"), "head");
  EXPECT_EQ(FirstHost(""), "");
  EXPECT_EQ(TasksOnNode("2(x3),1", 2), 2);
  EXPECT_EQ(TasksOnNode("2(x3),1", 3), 1);
  EXPECT_EQ(TasksOnNode("2(x3),1", 4), 0);
  EXPECT_EQ(TasksOnNode("", 0), 0);
  EXPECT_EQ(TasksOnNode("2(x", 0), 0);
}

}  // namespace
}  // namespace cassle
