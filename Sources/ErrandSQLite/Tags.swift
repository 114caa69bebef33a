// Tags: a row for each word of a job, so that jobs are found by one without a walk; and what no index knows, payloads.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Lets a job be found by its tags.
    func tag(_ id: Int64, _ tags: [String]) throws(JobStoreError) {
        // An Errand that does not know these rows would leave them behind when it deletes the job.
        try requireWriter4()
        for tag in tags { try connection[TagSQL.add].bind(1, text: tag).bind(2, id).run() }
    }

    /// Forgets the tags of a job that goes. Reads its input, which must still be there.
    func untag(_ id: Int64) throws(JobStoreError) {
        let row = try connection[ClaimSQL.extras].bind(1, id)
        let tags = try row.first { (row) throws(JobStoreError) in try JobExtras(row, from: 0).terms.tags } ?? []
        for tag in tags { try connection[TagSQL.drop].bind(1, text: tag).bind(2, id).run() }
    }
}

extension QueueReader {
    /// The newest jobs with a tag, up to a page's worth of looking.
    func ids(tagged tag: String, below: Int64) throws(JobStoreError) -> [Int64] {
        var ids: [Int64] = []
        try connection[TagSQL.tagged].bind(1, text: tag).bind(2, below).bind(3, Int64(QueueReader.rowsPerPage)).forEach { row in
            ids.append(row.integer(0))
        }
        return ids
    }

    /// How many jobs are looked at for one page: fewer where payloads must be read, which may be large.
    static func rowsPerPage(for selector: JobSelector) -> Int { selector.arguments.isEmpty ? rowsPerPage : rowsPerPage / 5 }

    /// Whether a job's payload holds all of these.
    func holds(_ arguments: [PayloadMatch], _ id: JobID) throws(JobStoreError) -> Bool {
        guard !arguments.isEmpty else { return true }
        guard let payload = try connection[TagSQL.payload].bind(1, id.rawValue).first({ $0.bytes(0) }) else { return false }
        return arguments.allSatisfy { $0.matches(payload) }
    }
}

/// The statements of tags and payloads.
enum TagSQL {
    /// Primary key of `errand_tag`.
    static let add = SQL("INSERT INTO errand_tag(tag, job) VALUES(:tag, :job) ON CONFLICT(tag, job) DO NOTHING")

    /// Primary key of `errand_tag`.
    static let drop = SQL("DELETE FROM errand_tag WHERE tag = :tag AND job = :job")

    /// Jobs with a tag, newest first. A range of the primary key of `errand_tag`, backwards.
    static let tagged = SQL("SELECT job FROM errand_tag WHERE tag = :tag AND job < :before ORDER BY job DESC LIMIT :limit")

    /// Row key of `errand_job`.
    static let payload = SQL("SELECT payload FROM errand_job WHERE id = :id")
}
