// Clocks, percentiles, temporary directories.

import Glibc

/// Seconds on a clock.
func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Percentiles of a sample, as one line.
struct Sample {
    private var values: [Double] = []

    mutating func add(_ value: Double) { values.append(value) }

    func percentile(_ percent: Double) -> Double {
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * percent / 100))]
    }

    var median: Double { percentile(50) }

    func line(unit: String, scale: Double) -> String {
        func text(_ percent: Double) -> String { fixed(percentile(percent) * scale) }
        return "n=\(values.count) min \(text(0)) p50 \(text(50)) p90 \(text(90)) p99 \(text(99)) max \(text(100)) \(unit)"
    }
}

/// A number with three decimals.
func fixed(_ value: Double) -> String {
    let thousandths = Int64((value * 1000).rounded())
    let fraction = String(thousandths.magnitude % 1000)
    return "\(thousandths < 0 ? "-" : "")\(thousandths.magnitude / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
}

/// A new directory that the caller removes.
func temporaryDirectory() -> String {
    var template = Array("\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/errand-benchmark-XXXXXX".utf8CString)
    guard let path = mkdtemp(&template) else { fatalError("cannot make a temporary directory: \(String(cString: strerror(errno)))") }
    return String(cString: path)
}

/// Removes a directory that ``temporaryDirectory()`` made.
func remove(_ directory: String) {
    _ = spawnAndWait("/bin/rm", ["-rf", "--", directory])
}

/// Starts a program; its standard output goes to `output` when given.
func spawn(_ path: String, _ arguments: [String], output: Int32? = nil) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let output { posix_spawn_file_actions_adddup2(&actions, output, 1) }
    var argv = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for argument in argv { free(argument) } }
    var pid = pid_t()
    let status = posix_spawn(&pid, path, &actions, nil, &argv, environ)
    guard status == 0 else { fatalError("cannot start \(path): \(String(cString: strerror(status)))") }
    return pid
}

/// Runs a program to its end.
func spawnAndWait(_ path: String, _ arguments: [String]) -> Int32 { wait(for: spawn(path, arguments)) }

/// Waits for a child.
func wait(for pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status
}

/// This very program.
var ownPath: String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    return String(decoding: buffer.prefix(max(0, length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// Writes a line at once, also into a pipe.
func say(_ line: String) {
    var bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
    guard write(1, &bytes, bytes.count) == bytes.count else { fatalError("cannot write: \(String(cString: strerror(errno)))") }
}
