// A job that shares limits with its tenant, and runs after the earlier ones of its account.

import Errand

// snippet.show
struct Book: Job {
    static let kind = "book"
    var tenant: String
    var account: Int
    var limitKey: String? { tenant }
    var sequence: JobSequence? { JobSequence("account-\(account)", haltsOnDeath: true) }
}
// snippet.hide
