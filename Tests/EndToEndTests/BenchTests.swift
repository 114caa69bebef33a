// The promise: `errand bench` measures every one of its figures on the real binary, and leaves nothing behind.

import Foundation
import Glibc
import Testing

@Suite(.timeLimit(.minutes(5))) struct BenchTests {
    @Test func `every measurement is made, named by the line that repeats it, and leaves no file and no process`() throws {
        let sandbox = try Sandbox()
        let disk = sandbox.directory + "/disk"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        let small = [
            "--jobs", "200", "--stored", "300", "--batch", "20", "--lines", "2", "--seconds", "1", "--callers", "3", "--processes", "3",
            "--concurrency", "8",
        ]
        let result = try sandbox.run(["bench", "--in", disk, "--json"] + small)
        #expect(result.status == 0, "\(result.err)")
        let answer = try #require(try result.objects().first)
        let machine = try #require(answer["machine"] as? [String: Any])
        #expect(machine["sqlite"] != nil && machine["file_system"] != nil && machine["processors"] != nil)
        let figures = try #require(answer["figures"] as? [[String: Any]])
        #expect(
            figures.compactMap { $0["measurement"] as? String } == [
                "enqueue", "bulk", "cycle", "drain", "pickup", "claim", "mixed", "processes", "commands", "idle",
            ])
        for figure in figures {
            let values = try #require(figure["values"] as? [String: Double])
            // A job may be picked up before its enqueuer goes on, and a second of idleness may cost less than a clock shows.
            let isSigned = ["pickup", "idle"].contains(figure["measurement"] as? String)
            #expect(!values.isEmpty && (isSigned || values.values.allSatisfy { $0 > 0 }), "\(figure)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk).isEmpty)
        #expect(!FileManager.default.fileExists(atPath: sandbox.store))
        #expect(try !processes().contains { $0.contains("--child") && $0.contains(disk) })

        // The line of a figure repeats just that figure.
        let drain = try #require(figures.first { $0["measurement"] as? String == "drain" })
        let line = try #require(drain["command"] as? String).split(separator: " ").map(String.init)
        #expect(line == ["bench", "drain", "--concurrency", "8", "--lines", "2", "--jobs", "200", "--batch", "20"])
        let again = try sandbox.run(line + ["--in", disk, "--json"])
        let figure = try #require((try again.objects().first?["figures"] as? [[String: Any]])?.first)
        #expect(figure["parameters"] as? NSDictionary == drain["parameters"] as? NSDictionary)
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func `whoever interrupts it finds neither its stores nor its processes`(signal: Int32) throws {
        let sandbox = try Sandbox()
        let disk = sandbox.directory + "/disk"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        let bench = try sandbox.start(["bench", "idle", "--stored", "10", "--seconds", "3000", "--in", disk])
        func children() throws -> Int { try processes().count { $0.contains("--child") && $0.contains(disk) } }
        #expect(try eventually { try children() == 1 })
        bench.signal(signal)
        #expect(bench.waitForEnd().status == 128 + signal)
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk).isEmpty)
        #expect(try eventually { try children() == 0 })
    }

    @Test func `people get a line for each figure, below the machine that it was found on`() throws {
        let sandbox = try Sandbox()
        let result = try sandbox.run("bench", "enqueue", "--jobs", "50", "--durability", "normal", "--in", sandbox.directory)
        #expect(result.lines.first?.hasPrefix("errand ") == true && result.lines.first?.contains("SQLite") == true)
        let figures = result.lines.dropFirst()
        #expect(figures.count == 3)
        for (callers, line) in zip([1, 10, 64], figures) {
            #expect(line.hasPrefix("enqueue --callers \(callers) --jobs 50 --durability normal "))
            #expect(line.contains(" jobs/s ") && line.contains(" µs CPU a job ") && line.contains("p50 ") && line.contains(" ms"))
        }
    }

    @Test(arguments: [
        (["bench", "drian"], "there is no measurement \"drian\": did you mean \"drain\"?"),
        (["bench", "enqueue", "--lines", "3"], "--lines changes nothing about enqueue"),
        (["bench", "drain", "--lines", "5000"], "--lines is 5000: give 0 to 1000"),
        (["bench", "drain", "--jobs", "0"], "--jobs is 0: give 1 to 10000000"),
        (["bench", "enqueue", "--durability", "some"], "give full or normal"),
    ])
    func `what cannot be measured is said in a sentence`(arguments: [String], sentence: String) throws {
        let result = try Sandbox().run(arguments)
        #expect(result.status == 2 && result.err.contains(sentence), "\(result.err)")
    }

    @Test func `a disk that cannot be written to is named`() throws {
        let result = try Sandbox().run("bench", "bulk", "--in", "/nowhere")
        #expect(
            result.status == 1 && result.err.contains("/nowhere: no directory can be made in it: No such file or directory"),
            "\(result.err)")
    }

    private func processes() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.compactMap { pid in
            FileManager.default.contents(atPath: "/proc/\(pid)/cmdline").map { String(decoding: $0, as: UTF8.self) }
        }
    }
}
