// What a writer thread writes to: one file, its connection, and what is remembered between transactions.

import Errand

/// One file as its writer thread sees it. Only that thread touches it.
protocol WritableDatabase: AnyObject, SendableMetatype {
    /// The connection of the moment; another one after ``reopen()``.
    var connection: Connection { get }

    /// Prepares for a transaction that has just begun: forgets what other processes may have changed, and takes over what waits for that.
    /// Gives what to ring for after the commit.
    func didBegin() throws(JobStoreError) -> Set<DoorbellTopic>

    /// Writes what was gathered in memory during the transaction.
    func willCommit() throws(JobStoreError)

    /// Forgets everything that a transaction had put in memory: it is undone.
    func didRollBack()

    /// Remembers, before an operation that may fail alone, what its failure must bring back.
    func mark()

    /// Brings back what ``mark()`` remembered.
    func returnToMark()

    /// Opens the file anew after an input or output error.
    func reopen() throws(JobStoreError)
}
