// Time that passes, and what processes spend meanwhile.

import Glibc

/// What has passed since it was made.
struct Stopwatch: Sendable {
    private let wall = Stopwatch.seconds(CLOCK_MONOTONIC)
    private let cpu = Stopwatch.seconds(CLOCK_PROCESS_CPUTIME_ID)

    /// Seconds.
    var elapsed: Double { Stopwatch.seconds(CLOCK_MONOTONIC) - wall }

    /// Seconds of processor time that all threads of this process have spent.
    var spent: Double { Stopwatch.seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu }

    /// Rate and cost of so many jobs.
    func values(jobs: Int) -> [BenchValue] {
        let (elapsed, spent) = (elapsed, spent)
        return [.rate(Double(jobs) / elapsed), .cost(spent / Double(jobs))]
    }

    /// What a clock of the system shows, in seconds.
    static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
