// The promise: of the jobs with one unique key one lives, whoever enqueues and whoever is killed.

import Foundation
import Glibc
import Testing

@Suite(.timeLimit(.minutes(5))) struct UniqueTests {
    /// One job's life, as `show` tells it; times as the text that sorts as they do.
    struct Life {
        var id: String
        var key: String
        var createdAt: String
        var finishedAt: String
        var startedAt: [String]
    }

    /// What contradicts "one job lives for each key": with `waiting` jobs behind it, of which none may have started before its end.
    static func overlaps(in lives: [Life], waiting: Int) -> [String] {
        var found: [String] = []
        for (key, group) in Dictionary(grouping: lives, by: \.key) {
            let group = group.sorted { $0.id < $1.id }
            for (index, life) in group.enumerated() {
                let next = index + 1 + waiting
                if next < group.count, group[next].createdAt < life.finishedAt {
                    found.append("\(key): \(group[next].id) came before \(life.id) had ended")
                }
                if index + 1 < group.count, let start = group[index + 1].startedAt.min(), start < life.finishedAt {
                    found.append("\(key): \(group[index + 1].id) started before \(life.id) had ended")
                }
            }
        }
        return found
    }

    /// Enqueuers that race for three keys, six at a time, beside two workers; each may be killed at any moment.
    private func race(_ options: (_ key: String) -> [String]) throws -> (lives: [Life], acknowledged: Int) {
        let sandbox = try Sandbox()
        var generator = SystemRandomNumberGenerator()
        var workers = try (0..<2).map { _ in try sandbox.start(["work", "-c", "4"]) }
        var acknowledged: Set<String> = []
        for round in 0..<10 {
            let racers = try (0..<6).map { number in
                let key = "key-\((round + number) % 3)"
                return try sandbox.start(
                    ["enqueue", "--label", key, "--max-attempts", "5"] + options(key) + ["--", "sh", "-c", "sleep 0.0\(number)"])
            }
            usleep(UInt32.random(in: 0...40_000, using: &generator))
            racers[round % 6].signal(SIGKILL)
            if round % 2 == 0 {
                workers[round / 2 % 2].signal(SIGKILL)
                #expect(workers[round / 2 % 2].waitForEnd().status == 128 + 9)
                workers[round / 2 % 2] = try sandbox.start(["work", "-c", "4"])
            }
            for racer in racers {
                let end = racer.waitForEnd()
                #expect([0, 5, 128 + 9].contains(end.status), "\(end.err)")
                if end.status == 0 { acknowledged.insert(end.text) }
            }
        }
        for worker in workers { worker.signal(SIGKILL) }
        for worker in workers { _ = worker.waitForEnd() }
        let worked = try sandbox.run("work", "-c", "4", "--until-empty", "--idle-timeout", "2s")
        #expect(worked.status == 0, "\(worked.err.suffix(2000))")
        let lives = try sandbox.run("jobs", "--json").objects().map { summary in
            let id = try #require(summary["id"] as? String)
            let job = try #require(try sandbox.run("show", id, "--json").objects().first)
            #expect(job["state"] as? String == "completed", "\(job)")
            return Life(
                id: id, key: try #require(job["label"] as? String), createdAt: try #require(job["created_at"] as? String),
                finishedAt: try #require(job["finished_at"] as? String),
                startedAt: try #require(job["executions"] as? [[String: Any]]).compactMap { $0["started_at"] as? String })
        }
        #expect(acknowledged.isSubset(of: Set(lives.map(\.id))), "what was acknowledged is there")
        return (lives, acknowledged.count)
    }

    @Test(arguments: ["reject", "replace", "debounce=50ms,max=200ms", "keep-last"])
    func `eight processes under kills never have two live jobs with one key`(mode: String) throws {
        let (lives, acknowledged) = try race { ["--unique", $0, "--on-conflict", mode] }
        #expect(UniqueTests.overlaps(in: lives, waiting: mode == "keep-last" ? 1 : 0) == [])
        #expect(acknowledged >= 3)
    }

    @Test func `without unique keys the same race has overlaps`() throws {
        #expect(try UniqueTests.overlaps(in: race { _ in [] }.lives, waiting: 0) != [])
    }

    @Test func `the second job is refused with exit 5 and the ID of the first, until that has ended`() throws {
        let sandbox = try Sandbox()
        let payload = #"{"account":{"id":7},"at":1}"#
        let id = try sandbox.run("enqueue", "sync", payload, "--unique-by", "account.id", "--expires", "1h").text
        let second = try sandbox.run("enqueue", "sync", #"{"at":2,"account":{ "id" : 7 }}"#, "--unique-by", "account.id")
        #expect(second.status == 5 && second.text == id)
        #expect(
            second.err
                == "errand: unique key \"account.id=7\" belongs to job \(id): nothing was added; look at it with `errand show \(id)`\n"
        )
        let other = try sandbox.run("enqueue", "sync", #"{"account":{"id":8}}"#, "--unique-by", "account.id")
        #expect(other.status == 0 && other.text != id)
        #expect(try sandbox.run("cancel", id).status == 0)
        let third = try sandbox.run("enqueue", "sync", payload, "--unique-by", "account.id", "--json").objects().first
        #expect(third?["result"] as? String == "added")
        let retried = try sandbox.run("retry", id)
        #expect(retried.status == 5 && retried.out.contains("has its unique key now"))
    }
}
