// What a thread that works in the background says of itself when it begins. Called by the thread.
#pragma once

namespace holdfast::process {

// Its name in top and gdb: up to 15 characters.
void name_thread(const char* name);

// For threads that need no files or sockets: takes the thread out of the process's table of open files. As long as
// threads share that table, each system call on a socket costs the executor two atomic operations more (2 % of a request's
// time). Standard input, output and error stay open; the thread may not use any other descriptor from then on. Nor may a
// signal's handler, which could tell nobody from here: the thread takes no signals but those about faults of its own.
// `kept`: a descriptor that it may use all the same. False: an old kernel without that; the table stays shared, which
// costs time and nothing else.
bool leave_open_files(int kept = -1);

}  // namespace holdfast::process
