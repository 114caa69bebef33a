// `errand migrate`: which schema a store has, and bringing it up to date before anybody opens it.

import ArgumentParser
import Errand
import ErrandSQLite

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the schema of the store, or bring it up to date.",
        discussion: """
            Whatever opens a store brings it up to date: each step is one transaction and only adds, so that an Errand of the version \
            before goes on reading and writing it. `migrate up` does the same at a time of your choice; `migrate status` changes nothing.
            """,
        subcommands: [MigrateStatus.self, MigrateUp.self])
}

struct MigrateStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show which schema each file has, who may read and write it, and what an upgrade would add.",
        discussion: "Exit codes: 0 shown, 2 bad usage, 4 store unavailable or damaged.")

    @OptionGroup var store: StoreOptions

    @Flag(name: .customLong("json"), help: "Print a JSON object.")
    var json = false

    func run() async throws {
        let session = Session.current
        try MigrationText(looks: try SchemaLook.look(in: try store.resolved(in: session))).write(asJSON: json, to: session.output)
    }
}

struct MigrateUp: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Bring the store up to date.",
        discussion: """
            Exit codes: 0 up to date, also when it was before; 2 bad usage, 4 store unavailable, damaged, or made by a newer Errand.
            """)

    @OptionGroup var store: StoreOptions

    @Flag(help: "Only tell what would be done.")
    var dryRun = false

    @Flag(help: "Print the SQL of every step.")
    var showSql = false

    func run() async throws {
        let session = Session.current
        let directory = try store.resolved(in: session)
        let before = try SchemaLook.look(in: directory)
        if let problem = before.compactMap(\.problem).first { throw problem }
        for look in before {
            if look.pending.isEmpty { try session.output.line("\(look.file): schema \(look.schema), nothing to do") }
            for step in look.pending {
                let words = dryRun ? "would become" : "becomes"
                try session.output.line("\(look.file): schema \(step.version - 1) \(words) \(step.version)")
                if showSql { try session.output.line(step.sql) }
            }
        }
        guard !dryRun else { return }
        try session.output.flush()
        try await store.withStore { store in
            // The logs are opened, and brought up to date, at their first use.
            if before.contains(where: { $0.file == "logs.db" }) { _ = try await store.logs.totalBytes() }
        }
    }
}

/// What `migrate status` prints.
struct MigrationText {
    let looks: [SchemaLook]

    func write(asJSON: Bool, to output: Output) throws {
        guard !asJSON else {
            let files = looks.map { look in
                JSONWriter.object { writer in
                    writer.member("file", look.file)
                    writer.member("schema", look.schema)
                    writer.member("min_reader", look.minReader)
                    writer.member("min_writer", look.minWriter)
                    writer.member("pending", look.pending.count)
                }
            }
            let object = JSONWriter.versioned { writer in
                writer.member("supported", SchemaLook.newest)
                writer.member("files", raw: JSONWriter.array(files))
            }
            return try output.object(object)
        }
        for look in looks {
            try output.line(
                "\(look.file)  schema \(look.schema), min_reader \(look.minReader), min_writer \(look.minWriter): \(judgement(of: look))")
        }
    }

    private func judgement(of look: SchemaLook) -> String {
        if look.problem != nil {
            return "this Errand knows schemas up to \(SchemaLook.newest), so it must not write it: upgrade Errand"
        }
        if look.schema > SchemaLook.newest { return "newer than this Errand's \(SchemaLook.newest), which may write it all the same" }
        guard !look.pending.isEmpty else { return "up to date" }
        return
            "\(look.pending.count) step\(look.pending.count == 1 ? "" : "s") behind; the next opening adds what is missing (`\(Session.program) migrate up --dry-run --show-sql` shows it)"
    }
}
