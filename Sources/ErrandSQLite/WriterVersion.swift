// Which Errands may write to the store: the first use of what an older one would break keeps that one out.

import Errand

extension QueueDatabase {
    /// Keeps Errands that know only schemas before 4 from writing, from this transaction on: they would not keep its accounts.
    func requireWriter4() throws(JobStoreError) {
        guard try !hasNewAccounts() else { return }
        try connection[WriterVersionSQL.raise].run()
        memory.hasNewAccounts = true
    }

    /// Whether anything of schema 4 that needs accounts may be in use. A store without costs nothing: this was read when the transaction
    /// found that others had written.
    func hasNewAccounts() throws(JobStoreError) -> Bool {
        if let known = memory.hasNewAccounts { return known }
        let minimum = try connection[QueueSQL.writers].first { $0.integer(1) } ?? 0
        memory.hasNewAccounts = minimum >= 4
        return minimum >= 4
    }
}

/// The statements about who may write.
enum WriterVersionSQL {
    /// The single row of `errand_meta`.
    static let raise = SQL("UPDATE errand_meta SET min_writer = max(min_writer, 4) WHERE one = 1")
}
