// `errand embed`: lets jobs live in an application's own database.

import ArgumentParser
import Errand
import ErrandSQLite

#if canImport(Glibc)
import Glibc
#endif

struct Embed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keep jobs in an application's own SQLite database, and print the store's directory.",
        discussion: """
            Makes Errand's tables (errand_…) beside the application's, once, so that the application can enqueue in its own transactions: by \
            plain SQL (INSERT INTO errand_enqueue), or in Swift. Logs and locks go into a directory beside the file, DATABASE-errand. From then \
            on every verb finds the store by either name: `errand work --store shop.db`.

            The database is in WAL mode from then on. One that has the tables already is left as it is.

            Exit codes: 0 done, also when it was before; 2 bad usage, 4 the database cannot be used.
            """)

    @Flag(help: "Make the database, if it is missing.")
    var create = false

    @Argument(help: ArgumentHelp("The application's database; a file that SQLite can open.", valueName: "database"), completion: .file())
    var database: String

    func run() async throws {
        let session = Session.current
        guard !database.isEmpty else { throw Failure(.usage, "the name of the database is empty: name a file") }
        guard create || access(database, F_OK) == 0 else {
            throw Failure(.unavailable, "there is no database at \(database): let the application make it first, or add --create")
        }
        try SQLiteStore.open(database: database).close()
        try session.output.line(SQLiteStore.directory(ofDatabase: database))
        if session.talk.isTerminal {
            try session.talk.line("jobs are kept in \(TerminalText.escaped(database)): name it with --store, or in ERRAND_STORE")
        }
    }
}
