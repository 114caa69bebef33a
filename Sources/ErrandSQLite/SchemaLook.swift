// Which schema the files of a store have, and what an upgrade would do to them: read without changing anything.

package import Errand

extension Schema {
    /// One of the two files, as the schema knows it.
    enum File: CaseIterable {
        case queue
        case logs

        var name: String { self == .queue ? "queue.db" : "logs.db" }
        var metaTable: String { self == .queue ? "errand_meta" : "errand_log_meta" }
        var firstSchema: String { self == .queue ? Schema.queue : Schema.logs }
        var step: KeyPath<Schema.Step, String> { self == .queue ? \.queue : \.logs }
    }
}

/// The schema of one file of a store.
package struct SchemaLook: Hashable, Sendable {
    /// One step of an upgrade.
    package struct Step: Hashable, Sendable {
        /// The version that it leads to.
        package let version: Int
        /// What it does; runs in one transaction.
        package let sql: String
    }

    /// `queue.db` or `logs.db`.
    package let file: String
    /// The version that it has.
    package let schema: Int
    /// The oldest version whose Errand may read it.
    package let minReader: Int
    /// The oldest version whose Errand may write it.
    package let minWriter: Int
    /// What the next opening by this Errand does to it, in order.
    package let pending: [Step]

    /// Why this Errand must leave the file alone; `nil` when it may write it.
    package var problem: JobStoreError? {
        minWriter > SchemaLook.newest ? .newerSchema(found: schema, supported: SchemaLook.newest) : nil
    }

    /// The newest schema that this Errand knows.
    package static var newest: Int { Int(Schema.version) }

    /// The schemas of the files in `directory`; a file that does not exist yet is left out.
    /// - Throws: `JobStoreError.unavailable` when there is no store, `JobStoreError.damaged` when a file is none of a store.
    package static func look(in directory: String) throws(JobStoreError) -> [SchemaLook] {
        let store = StoreDirectory(path: directory)
        try store.prepare(createIfMissing: false)
        var found: [SchemaLook] = []
        for file in Schema.File.allCases {
            let path = "\(directory)/\(file.name)"
            guard StoreDirectory.exists(path) else { continue }
            found.append(try look(at: file, on: try Connection(path: path, queryOnly: true)))
        }
        return found
    }

    private static func look(at file: Schema.File, on connection: Connection) throws(JobStoreError) -> SchemaLook {
        let isKnown = try connection.integer("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '\(file.metaTable)'") != nil
        guard isKnown else {
            throw .damaged(
                reason: "\(connection.path) has no table \(file.metaTable): it is not the file of a store, or its making was cut")
        }
        let row = try connection.prepare(SQL("SELECT schema, min_reader, min_writer FROM \(file.metaTable)")).first { row in
            (row.integer(0), row.integer(1), row.integer(2))
        }
        guard let (schema, minReader, minWriter) = row else {
            throw .damaged(reason: "\(connection.path): \(file.metaTable) is empty: \(Damage.advice(on: connection.path))")
        }
        let pending = Schema.steps.filter { $0.version > schema }.map { Step(version: Int($0.version), sql: $0[keyPath: file.step]) }
        return SchemaLook(
            file: file.name, schema: Int(schema), minReader: Int(minReader), minWriter: Int(minWriter), pending: pending)
    }
}
