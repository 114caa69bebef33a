// Which store a verb works on.

import ArgumentParser
import Errand
import ErrandSQLite

#if canImport(Glibc)
import Glibc
#endif

/// The store's place.
struct StoreOptions: ParsableArguments {
    @Option(
        name: .customLong("store"),
        help: ArgumentHelp(
            "The store's directory, or the database that it is embedded in. Default: ERRAND_STORE, then \"errand\" in the XDG data directory.",
            valueName: "directory"),
        completion: .directory)
    var directory: String?

    /// The directory that the flag, the environment or the default names.
    /// - Throws: ``Failure`` with status 2 when nothing says where.
    func resolved(in session: Session) throws -> String {
        let named = try named(in: session)
        var status = stat()
        guard stat(named, &status) == 0 else {
            // A directory of that name would be another store.
            guard stat("\(named)-errand", &status) != 0 else {
                throw Failure(
                    .unavailable, "\(named) is not there, and \(named)-errand belongs to it: was the database moved or deleted? put it back"
                )
            }
            return named
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return named }
        // An application's database stands for the store whose tables are in it.
        let directory = SQLiteStore.directory(ofDatabase: named)
        guard stat(directory, &status) == 0 else {
            throw Failure(
                .unavailable,
                "\(named) is a file, and no store is embedded in it: name a directory, or run `errand embed \(named)` once to keep jobs in it"
            )
        }
        return directory
    }

    private func named(in session: Session) throws -> String {
        if let directory {
            guard !directory.isEmpty else { throw Failure(.usage, "--store is empty: name a directory") }
            return directory
        }
        if let named = session.environment["ERRAND_STORE"], !named.isEmpty { return named }
        // XDG Base Directory Specification: a relative path there is invalid and must be ignored.
        if let data = session.environment["XDG_DATA_HOME"], data.hasPrefix("/") { return "\(data)/errand" }
        if let home = session.environment["HOME"], !home.isEmpty { return "\(home)/.local/share/errand" }
        throw Failure(.usage, "there is no HOME to find a store in: name its directory with --store or ERRAND_STORE")
    }

    /// Runs `body` on the open store.
    /// - Throws: what `body` throws; ``Failure`` with status 4 when the store does not open.
    func withStore<Result>(
        creating: Bool = false, lockWait: Duration? = .seconds(5), durability: Durability = .full, reserve: Int? = nil,
        _ body: (Store) async throws -> Result
    ) async throws -> Result {
        let session = Session.current
        let request = StoreRequest(
            directory: try resolved(in: session), createIfMissing: creating, lockWait: lockWait, durability: durability,
            reserveBytes: reserve)
        let opened = try await session.openStore(request)
        do {
            let result = try await body(opened.store)
            await opened.close()
            return result
        } catch {
            await opened.close()
            throw error
        }
    }
}
