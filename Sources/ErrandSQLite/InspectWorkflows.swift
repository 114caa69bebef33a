// Workflows and dependencies as someone who looks sees them.

import Errand
import ErrandContext

extension QueueReader {
    func workflow(_ id: WorkflowID) throws(JobStoreError) -> WorkflowStatus? {
        try connection[WorkflowSQL.one].bind(1, id.rawValue).first(QueueReader.status)
    }

    func workflows(before cursor: WorkflowID?, limit: Int) throws(JobStoreError) -> [WorkflowStatus] {
        var found: [WorkflowStatus] = []
        try connection[WorkflowSQL.list].bind(1, cursor?.rawValue ?? .max).bind(2, Int64(limit)).forEach { row in
            found.append(QueueReader.status(row))
        }
        return found
    }

    func workflows(meantBy text: String) throws(JobStoreError) -> [WorkflowID] {
        guard let first = text.utf8.first, first | 0x20 == UInt8(ascii: "w"), text.utf8.count <= WorkflowID.length,
            let value = Base32.decode(text.utf8.dropFirst())
        else { return [] }
        let shift = Int64(5 * (WorkflowID.length - text.utf8.count))
        guard value <= Int64.max >> shift else { return [] }
        var found: [WorkflowID] = []
        try connection[WorkflowSQL.range].bind(1, value << shift).bind(2, value << shift | (1 << shift - 1)).bind(3, 10).forEach { row in
            found.append(WorkflowID(rawValue: row.integer(0)))
        }
        return found
    }

    private static func status(_ row: Statement) -> WorkflowStatus {
        WorkflowStatus(
            id: WorkflowID(rawValue: row.integer(0)), name: row.optionalText(1), key: row.optionalText(2), isOpen: row.integer(3) != 0,
            total: Int(row.integer(4)), live: Int(row.integer(5)), dead: Int(row.integer(6)), cancelled: Int(row.integer(7)),
            startedAt: Timestamp(microseconds: row.integer(8)), endedAt: row.optionalInteger(9).map(Timestamp.init(microseconds:)))
    }

    func jobs(of workflow: WorkflowID, after cursor: JobID?, limit: Int) throws(JobStoreError) -> [JobID] {
        var found: [JobID] = []
        try connection[WorkflowSQL.jobs].bind(1, workflow.rawValue).bind(2, cursor?.rawValue ?? -1).bind(3, Int64(limit)).forEach { row in
            found.append(JobID(rawValue: row.integer(0)))
        }
        return found
    }

    func dependencies(of jobs: [JobID]) throws(JobStoreError) -> [JobID: [DependencyRecord]] {
        try snapshot { () throws(JobStoreError) in
            var found: [JobID: [DependencyRecord]] = [:]
            for job in jobs {
                let edges = try QueueDatabase.edges(of: job.rawValue, connection)
                var records: [DependencyRecord] = []
                for edge in edges { records.append(try record(edge)) }
                if !records.isEmpty { found[job] = records }
            }
            return found
        }
    }

    private func record(_ edge: QueueDatabase.Edge) throws(JobStoreError) -> DependencyRecord {
        var record = DependencyRecord(
            prerequisite: edge.prerequisite, ifFailed: edge.policy, isOpen: edge.state.rawValue < EdgeState.met.rawValue, state: nil,
            name: nil)
        switch edge.prerequisite {
        case .workflow(let id):
            let status = try workflow(id)
            (record.state, record.name) = (status?.state, status?.name)
        case .job(let id):
            let summary = try summary(of: id.rawValue)
            (record.state, record.name) = (summary?.state, summary?.name)
        case .entry: break
        }
        return record
    }

    func dependents(of prerequisites: [Prerequisite], limit: Int) throws(JobStoreError) -> [JobID] {
        try snapshot { () throws(JobStoreError) in
            var found: Set<Int64> = []
            for prerequisite in prerequisites {
                guard let id = prerequisite.rawValue else { continue }
                try connection[DependencySQL.dependents].bind(1, id).forEach { found.insert($0.integer(0)) }
            }
            return found.sorted().prefix(limit).map(JobID.init(rawValue:))
        }
    }
}
