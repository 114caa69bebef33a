// A disk filled to the last byte: who answers, who is refused, who survives, and that work goes on when there is room again.

import Foundation
import Glibc
import Testing

@Suite(.serialized, .timeLimit(.minutes(3)), .enabled(if: SmallDisk.kind != nil, SmallDisk.reason))
struct FullDiskTests {
    private func disk() throws -> SmallDisk { try SmallDisk(try #require(SmallDisk.kind), kibibytes: 16 << 10) }

    private func answers(_ disk: SmallDisk, having id: String, _ where: String) throws {
        let jobs = try disk.errand("jobs")
        #expect(jobs.status == 0 && jobs.out.contains(id), "\(`where`): \(jobs)")
        let show = try disk.errand("show", id)
        #expect(show.status == 0 && show.out.contains(id), "\(`where`): \(show)")
        let logs = try disk.errand("logs", id)
        #expect(logs.status == 0 && logs.out.contains("said hello"), "\(`where`): \(logs)")
        let doctor = try disk.errand("doctor")
        #expect(doctor.status == 1 && doctor.out.contains("disk") && doctor.out.contains("workers"), "\(`where`): \(doctor)")
        let enqueue = try disk.errand("enqueue", "--", "true")
        #expect(enqueue.status == 4 && enqueue.err.contains("the disk is full"), "\(`where`): \(enqueue)")
    }

    @Test func `a running worker outlives a full disk, records what ran, and goes on by itself`() throws {
        let disk = try disk()
        let go = "\(disk.sandbox.directory)/go"
        let id = try disk.errand("enqueue", "--", "sh", "-c", "echo said hello; while [ ! -e '\(go)' ]; do sleep 0.05; done").text
        #expect(try disk.has("ballast"))
        let worker = try disk.start(Sandbox.errand, ["work", "--lease", "1s"])
        defer { worker.signal(SIGKILL) }
        let isRunning = try eventually { try disk.errand("logs", id).out.contains("said hello") }
        try #require(isRunning, "\(worker.errorSoFar)")

        // The worker itself gives a little back now and then, when it empties a write-ahead log.
        let isFull = try eventually {
            try disk.fill()
            return try disk.freeKibibytes() == 0
        }
        #expect(isFull)
        try answers(disk, having: id, "with a worker")
        try Data().write(to: URL(fileURLWithPath: go))
        let isRecorded = try eventually { try disk.errand("show", id).out.contains("completed") }
        #expect(isRecorded, "\(worker.errorSoFar)")
        #expect(try !disk.has("ballast"))
        #expect(worker.isRunning)
        let hasSaidSo = eventually { worker.errorSoFar.contains("no job is started") || worker.errorSoFar.contains("the disk is full") }
        #expect(hasSaidSo, "\(worker.errorSoFar)")

        try disk.makeRoom()
        let second = try disk.errand("enqueue", "--", "true")
        #expect(second.status == 0, "\(second)")
        let hasRun = try eventually { try disk.errand("show", second.text).out.contains("completed") }
        #expect(hasRun, "\(worker.errorSoFar)")
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
        // A worker that starts looks after the ballast at once.
        let next = try disk.start(Sandbox.errand, ["work"])
        #expect(try eventually { try disk.has("ballast") })
        // It hears signals before it has its place in the register.
        #expect(try eventually { try disk.errand("workers").out.contains("working") })
        next.signal(SIGTERM)
        #expect(next.waitForEnd().status == 0)
    }

    @Test func `a storm of log lines stops no job, and what it cost is told`() throws {
        let disk = try SmallDisk(.tmpfs, kibibytes: 16 << 10)
        let worker = try disk.start(Sandbox.errand, ["work"])
        defer { worker.signal(SIGKILL) }
        try disk.command("sh", "-c", "head -c 4M /dev/zero > '\(disk.sandbox.directory)/disk/fill'")
        let storms = try (0..<4).map { _ in
            try disk.errand("enqueue", "--", "sh", "-c", "yes 'a line of a storm of log lines' | head -c 2000000").text
        }
        let isSaid = eventually(within: 60) { worker.errorSoFar.contains("log lines are dropped until the store takes them again") }
        #expect(isSaid, "\(worker.errorSoFar)")
        for id in storms {
            #expect(try eventually(within: 60) { try disk.errand("show", id).out.contains("completed") }, "\(worker.errorSoFar)")
        }
        // State goes on where logs have stopped.
        let next = try disk.errand("enqueue", "--", "echo", "unheard")
        #expect(next.status == 0, "\(next)")
        #expect(try eventually { try disk.errand("show", next.text).out.contains("completed") }, "\(worker.errorSoFar)")

        try disk.makeRoom()
        let hasCounted = try eventually(within: 60) {
            try disk.errand("enqueue", "--", "echo", "heard")
            return try disk.errand("doctor").out.contains("dropped so far for want of room")
        }
        #expect(hasCounted, "\(worker.errorSoFar)")
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
    }

    @Test func `a disk that becomes read-only is a clean error, and heals`() throws {
        let disk = try SmallDisk(.tmpfs, kibibytes: 16 << 10)
        let id = try disk.errand("enqueue", "--", "true").text
        #expect(try disk.command("mount", "-o", "remount,ro", "\(disk.sandbox.directory)/disk").status == 0)
        let refused = try disk.errand("enqueue", "--", "true")
        #expect(refused.status == 4 && refused.err.contains("Read-only file system") && refused.out.isEmpty, "\(refused)")
        let worker = try disk.errand("work", "--until-empty", "--idle-timeout", "0s")
        #expect(worker.status == 4, "\(worker)")
        #expect(try disk.command("mount", "-o", "remount,rw", "\(disk.sandbox.directory)/disk").status == 0)
        #expect(try disk.errand("work", "--until-empty", "--idle-timeout", "0s").status == 0)
        #expect(try disk.errand("jobs").lines.count == 1)
        #expect(try disk.errand("show", id).out.contains("completed"))
    }

    /// The sizes in between are those at which SQLite's own allocation succeeds and leaves holes: without ours, each is a SIGBUS.
    @Test(arguments: [0, 4, 9, 16, 24]) func `nobody dies of a full disk that has no shared memory left`(kibibytes: Int) throws {
        let disk = try disk()
        let id = try disk.errand("enqueue", "--", "sh", "-c", "echo said hello").text
        #expect(try disk.errand("work", "--until-empty", "--idle-timeout", "0s").status == 0)
        let waiting = try disk.errand("enqueue", "--", "true").text
        try disk.command("sh", "-c", "rm -f '\(disk.store)'/*-shm")
        try disk.fill(leaving: kibibytes)

        try answers(disk, having: id, "alone, \(kibibytes) KiB left")
        let once = try disk.errand("work", "--until-empty", "--idle-timeout", "0s")
        #expect(once.status == 4 && once.err.contains("left although there may be jobs: the disk is full"), "\(once)")
        let worker = try disk.start(Sandbox.errand, ["work"])
        #expect(eventually { worker.errorSoFar.contains("the disk is full") || !worker.isRunning }, "\(worker.errorSoFar)")
        #expect(worker.isRunning, "\(worker.waitForEnd())")

        try disk.makeRoom()
        let hasRun = try eventually { try disk.errand("show", waiting).out.contains("completed") }
        #expect(hasRun, "\(worker.errorSoFar)")
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
    }
}
