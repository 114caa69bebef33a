// Settings of the whole process, for the stock tool: in a program of somebody else's they are not ours to make.

import ErrandSQLite

/// The process of `errand` itself.
package enum OwnProcess {
    /// Makes the settings; before anything opens a store.
    package static func tune() { SQLiteLibrary.countNoMemory() }
}
