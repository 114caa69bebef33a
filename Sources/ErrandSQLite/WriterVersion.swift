// Which Errands may write to the store: the first use of what an older one would break keeps that one out.

import Errand

extension QueueDatabase {
    /// Keeps Errands that know only schemas before 4 from writing, from this transaction on: they would not keep its accounts.
    func requireWriter4() throws(JobStoreError) { try requireWriter(4) }

    /// Keeps Errands from writing that know only schemas before `version`, 4 or later, from this transaction on.
    func requireWriter(_ version: Int64) throws(JobStoreError) {
        guard try minimumWriter() < version else { return }
        try connection[WriterVersionSQL.raise].bind(1, version).run()
        memory.minimumWriter = version
    }

    /// Whether anything of schema 4 that needs accounts may be in use. A store without costs nothing: this was read when the transaction
    /// found that others had written.
    func hasNewAccounts() throws(JobStoreError) -> Bool { try minimumWriter() >= 4 }

    private func minimumWriter() throws(JobStoreError) -> Int64 {
        if let known = memory.minimumWriter { return known }
        let minimum = try connection[QueueSQL.writers].first { $0.integer(1) } ?? 0
        memory.minimumWriter = minimum
        return minimum
    }
}

/// The statements about who may write.
enum WriterVersionSQL {
    /// The single row of `errand_meta`.
    static let raise = SQL("UPDATE errand_meta SET min_writer = max(min_writer, :version) WHERE one = 1")
}
