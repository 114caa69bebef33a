// The jobs that one job caused.

import Errand
import ErrandContext

extension QueueReader {
    /// A job and those below it, at most `limit` in all, in one snapshot.
    func tree(rootedAt root: JobID, limit: Int) throws(JobStoreError) -> JobTree {
        try snapshot { () throws(JobStoreError) in
            var tree = JobTree(jobs: [], total: 0)
            var ids: [Int64] = []
            let below = try connection[TreeSQL.count].bind(1, root.rawValue).first { $0.integer(0) } ?? 0
            if try connection[InspectSQL.exists].bind(1, root.rawValue).first({ _ in true }) ?? false { ids.append(root.rawValue) }
            tree.total = Int(below) + ids.count
            if limit > ids.count {
                try connection[TreeSQL.below].bind(1, root.rawValue).bind(2, Int64(limit - ids.count)).forEach { ids.append($0.integer(0)) }
            }
            for id in ids.prefix(max(0, limit)) {
                if let job = try lineage(of: JobID(rawValue: id)) { tree.jobs.append(job) }
            }
            return tree
        }
    }

    private func lineage(of id: JobID) throws(JobStoreError) -> JobLineage? {
        guard let summary = try summary(of: id.rawValue) else { return nil }
        let row = try connection[ClaimSQL.extras].bind(1, id.rawValue)
        defer { row.reset() }
        guard try row.step() else { return nil }
        let extras = try JobExtras(row, from: 0)
        return JobLineage(
            summary: summary, parent: extras.parent, trace: extras.trace, traceRelation: extras.traceRelation,
            executions: try executions(of: id))
    }
}

/// The statements behind a tree.
enum TreeSQL {
    /// The jobs below a root, oldest first. A range of the index `errand_job_root`, whose order within a root is that of the IDs.
    static let below = SQL("SELECT id FROM errand_job WHERE root_job = :root ORDER BY id LIMIT :limit")

    /// How many those are. The same range.
    static let count = SQL("SELECT count(*) FROM errand_job WHERE root_job = :root")
}
