// A job of which one runs and one waits for each account.

import Errand

// snippet.show
struct SyncAccount: Job {
    static let kind = "sync-account"
    var account: Int
    var uniqueness: Uniqueness? { Uniqueness(key: "\(account)", onConflict: .keepLast) }
}
// snippet.hide
