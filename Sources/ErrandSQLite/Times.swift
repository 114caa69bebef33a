// What is counted for monitoring since the store was made: a row for each queue, kind and bucket that was ever met.

import Errand
import ErrandContext

/// What a row of `errand_time` counts: times waited and run, and ends by outcome.
struct TimeKey: Hashable {
    var feed: Int64
    var what: Int64
    var bucket: Int64

    static let wait: Int64 = 0
    static let run: Int64 = 1
    /// The bucket is the number of an outcome.
    static let outcome: Int64 = 2
}

extension QueueDatabase {
    /// A job starts for the first time.
    func countWait(feed: Int64, since dueAt: Int64, now: Int64) {
        let time = QueueDatabase.counted(now - dueAt)
        gathered.waits.add(time.microseconds, to: TimeKey(feed: feed, what: TimeKey.wait, bucket: time.bucket))
    }

    /// An execution has ended.
    func countRun(_ outcome: Outcome, feed: Int64, startedAt: Int64, finishedAt: Int64) {
        let time = QueueDatabase.counted(finishedAt - startedAt)
        gathered.runs.add(time.microseconds, to: TimeKey(feed: feed, what: TimeKey.run, bucket: time.bucket))
        gathered.outcomes.add(0, to: TimeKey(feed: feed, what: TimeKey.outcome, bucket: outcome.code))
    }

    /// A time as it is counted, and the number of its bucket.
    private static func counted(_ microseconds: Int64) -> (microseconds: Int64, bucket: Int64) {
        let microseconds = min(max(0, microseconds), longestTime)
        return (microseconds, Int64(bounds.firstIndex { microseconds <= $0 } ?? bounds.count))
    }

    private static let longestTime = Limits.longestDuration.wholeMicroseconds
    private static let bounds = TimeHistogram.bounds.map(\.wholeMicroseconds)

    /// Writes what was counted.
    func writeTimes() throws(JobStoreError) {
        for times in [gathered.waits, gathered.runs, gathered.outcomes] {
            for (key, time) in times.all {
                try connection[TimeSQL.add].bind(1, key.feed).bind(2, key.what).bind(3, key.bucket).bind(4, time.count)
                    .bind(5, time.amount).run()
            }
        }
    }
}

extension QueueReader {
    /// Everything that was counted.
    func metrics() throws(JobStoreError) -> StoreMetrics {
        try snapshot { () throws(JobStoreError) in
            let feeds = try feedNames()
            var times: [TimeKey: TimeHistogram] = [:]
            var metrics = StoreMetrics(times: [], outcomes: [])
            try connection[TimeSQL.all].forEach { row in
                guard let feed = feeds[row.integer(0)] else { return }
                let (what, bucket, count) = (row.integer(1), Int(row.integer(2)), Int(row.integer(3)))
                if what == TimeKey.outcome {
                    guard let outcome = Outcome(code: Int64(bucket)) else { return }
                    metrics.outcomes.append(.init(queue: feed.queue, kind: feed.kind, outcome: outcome, executions: count))
                } else if bucket <= TimeHistogram.bounds.count {
                    let key = TimeKey(feed: row.integer(0), what: what, bucket: 0)
                    var histogram =
                        times[key]
                        ?? TimeHistogram(queue: feed.queue, kind: feed.kind, what: what == TimeKey.wait ? .wait : .run)
                    histogram.counts[bucket] += count
                    histogram.sum += .microseconds(row.integer(4))
                    times[key] = histogram
                }
            }
            metrics.times = times.sorted { ($0.key.feed, $0.key.what) < ($1.key.feed, $1.key.what) }.map(\.value)
            return metrics
        }
    }
}

/// The statements of times.
enum TimeSQL {
    /// Once for each feed and bucket in a transaction. Primary key of `errand_time`. A sum that cannot grow any more stays: one that became
    /// a floating-point number would be refused, and with it the claim.
    static let add = SQL(
        """
        INSERT INTO errand_time(feed, what, bucket, n, us) VALUES(:feed, :what, :bucket, :n, :us)
            ON CONFLICT(feed, what, bucket) DO UPDATE SET n = n + excluded.n, us = min(us, 4611686018427387904) + excluded.us
        """)

    /// A few rows for each queue and kind.
    static let all = SQL("SELECT feed, what, bucket, n, us FROM errand_time ORDER BY feed, what, bucket")
}
