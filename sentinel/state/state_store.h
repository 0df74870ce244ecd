// Where a sentinel keeps what must survive a restart: the `sentinel ...` lines of its configuration file, and beside it
// a journal (`<file>.journal`, see vote_journal.h) of the votes, epochs and promotions that the file does not hold yet.
//
// save() returns when the state is durable, or with an error; a vote is answered only after it returned well. What the
// journal can say costs one append and one sync; the file then lags until settle(). Everything else, a state that was
// saved already (an operator asks for the file), and a state that the journal would not take, is a rewrite of the file:
// temporary file, sync, rename, sync of the folder, the user's comments, other directives and their order kept, after a
// check that the new text reads back to the same state. One thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/config/rewriter.h"
#include "common/fs/file_system.h"
#include "sentinel/core/types.h"
#include "sentinel/state/sentinel_lines.h"
#include "sentinel/state/vote_journal.h"

namespace holdfast::sentinel {

class StateStore {
 public:
  virtual ~StateStore() = default;
  virtual Result<> save(const PersistentState& state) = 0;
  // Brings the file up to date with the last save. An error leaves the state in the journal: try again later.
  virtual Result<> settle() = 0;
  virtual bool settled() const = 0;
  // The end of an orderly run, after settle(): removes the empty journal.
  virtual void close() = 0;
  // The `user` lines that a rewrite of the file brings up to date as well, each with the key user_key().
  using UserLines = std::function<std::vector<config::OwnedLine>()>;
  virtual void keep_users(UserLines lines) { (void)lines; }
  static std::string user_key(std::string_view name) { return "user " + std::string(name); }
};

// The store of the binaries. The file must exist.
class ConfigFileStore final : public StateStore {
 public:
  ConfigFileStore(FileSystem& fs, std::string path, Faults faults = {});

  Result<> save(const PersistentState& state) override;
  Result<> settle() override;
  bool settled() const override { return !journal_holds_; }
  void close() override;
  void keep_users(UserLines lines) override { user_lines_ = std::move(lines); }

  // Before the first save: `in_file` is what the file's lines say (read_sentinel_lines); returns that with what the
  // journal adds to it. An error: there is a journal that cannot be read, so votes might be given twice.
  Result<PersistentState> recover(PersistentState in_file);
  // Reads the `sentinel ...` lines of the file (other directives are passed over), then recovers. Errors: "line N: ..."
  // as read_sentinel_lines.
  Result<PersistentState> load();

  static std::string journal_path(const std::string& path) { return path + ".journal"; }

 private:
  Result<> rewrite(const PersistentState& state);
  Result<> append(const JournalRecord& record);
  void start_journal();

  FileSystem& fs_;
  const std::string path_;
  const Faults faults_;
  UserLines user_lines_;           // none: the file's stay as they are
  bool known_ = false;             // file_ and last_ are true
  PersistentState file_, last_;    // what the file says; with the journal's records. Normal
  std::unique_ptr<File> journal_;  // null: not started, or it failed; the file is rewritten instead
  bool journal_holds_ = false;     // records, or a rest of unknown worth
};

}  // namespace holdfast::sentinel
