// The application's row and its job are one commit: whatever kills the application, both are there or neither.

import Foundation
import Glibc
import Testing

@Suite(.timeLimit(.minutes(10))) struct TransactionTests {
    /// What is in the shop's database.
    private struct Count: Equatable {
        var orders: Int
        var jobs: Int
        /// Orders without a job, and jobs without an order.
        var widows: Int
    }

    private func count(_ shop: Sandbox) throws -> Count {
        let output = try shop.run(database(shop), "count")
        let numbers = output.text.split(separator: " ").compactMap { Int($0) }
        try #require(numbers.count == 4, "\(output)")
        return Count(orders: numbers[0], jobs: numbers[1], widows: numbers[2] + numbers[3])
    }

    private func database(_ shop: Sandbox) -> String { shop.directory + "/shop.db" }

    @Test func `200 applications killed between their own write and the end of COMMIT leave order and job, or neither`() throws {
        let shop = try Sandbox(program: Sandbox.shop)
        let errand = try Sandbox()
        let seed = UInt64.random(in: 0..<1_000_000)
        try "handlers:\n  receipt: { run: [\"true\"] }\n".write(toFile: shop.directory + "/errand.yaml", atomically: true, encoding: .utf8)
        try #require(try errand.run("embed", "--create", database(shop)).status == 0)
        // A worker takes what is committed while others die.
        let worker = try errand.start(["work", "--store", database(shop), "--config", shop.directory + "/errand.yaml", "-c", "2"])
        var acknowledged = 0
        var killed = 0
        var round: UInt64 = 0
        while killed < 200 {
            round += 1
            try #require(round < 400, "the applications do not die, seed \(seed)")
            let output = try shop.run(database(shop), "\(seed + round)", "within")
            acknowledged += output.lines.count
            if output.status == 128 + SIGKILL { killed += 1 } else { try #require(output.status == 0, "seed \(seed + round): \(output)") }
        }
        let found = try count(shop)
        #expect(found.widows == 0, "seed \(seed)")
        #expect(found.orders == found.jobs)
        #expect(found.orders >= acknowledged)
        // A commit that was made and not told is possible, once for each death.
        #expect(found.orders <= acknowledged + killed)
        #expect(
            try eventually(within: 120) {
                try errand.run("stats", "--store", database(shop), "--json").out.contains("\"available\"") == false
            })
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
        let ended = try errand.run("jobs", "--store", database(shop), "--state", "completed", "--json", "--limit", "100000").objects()
        #expect(ended.count == found.orders)
        #expect(ended.allSatisfy { $0["attempt"] as? Int == 1 })
        print("\(killed) of \(round) applications were killed: \(found.orders) orders, \(acknowledged) of them told")
    }

    @Test func `an application that enqueues beside its transaction is found out`() throws {
        let shop = try Sandbox(program: Sandbox.shop)
        var round: UInt64 = 0
        repeat {
            round += 1
            try #require(round < 400, "nothing was lost")
            try shop.run(database(shop), "\(round)", "beside")
        } while try count(shop).widows == 0
    }

    @Test func `a Python program enqueues through the view, in its own transaction`() throws {
        let sandbox = try Sandbox()
        let database = sandbox.directory + "/shop.db"
        let script = sandbox.directory + "/shop.py"
        try """
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("CREATE TABLE IF NOT EXISTS orders(id INTEGER PRIMARY KEY, item TEXT)")
        for item, end in (("tea", "COMMIT"), ("milk", "ROLLBACK"), ("cake", "COMMIT")):
            db.execute("BEGIN IMMEDIATE")
            order = db.execute("INSERT INTO orders(item) VALUES(?)", (item,)).lastrowid
            db.execute("INSERT INTO errand_enqueue(kind, payload, key) VALUES('receipt', json_object('item', ?), ?)", (item, f"order {item}"))
            row = db.execute("SELECT id FROM errand_enqueue WHERE key = ?", (f"order {item}",)).fetchone()
            db.execute(end)
            print(row[0], item, end)
        """.write(toFile: script, atomically: true, encoding: .utf8)
        #expect(try sandbox.run("embed", "--create", database).text == database + "-errand")
        let yaml = sandbox.directory + "/errand.yaml"
        try "handlers:\n  receipt: { run: [cat] }\n".write(toFile: yaml, atomically: true, encoding: .utf8)
        // Nobody rings: the worker finds them by itself.
        let worker = try sandbox.start(["work", "--store", database, "--config", yaml])
        let python = Process()
        let pipe = Pipe()
        python.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        python.arguments = [script, database]
        python.standardOutput = pipe
        try python.run()
        let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        python.waitUntilExit()
        #expect(python.terminationStatus == 0)
        let lines = said.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        try #require(lines.count == 3, "\(said)")
        for (id, item) in [(lines[0][0], "tea"), (lines[2][0], "cake")] {
            #expect(try sandbox.run("wait", "--store", database, "--timeout", "60s", id).status == 0)
            #expect(try sandbox.run("logs", "--store", database, id).out.contains("{\"item\":\"\(item)\"}"))
        }
        #expect(try sandbox.run("show", "--store", database, lines[1][0]).status == 3)
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
    }

    @Test func `what the guide shows in SQL and Python does what it says`() throws {
        let sandbox = try Sandbox()
        let database = sandbox.directory + "/shop.db"
        #expect(try sandbox.run("embed", "--create", database).status == 0)
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../Sources/Errand/Errand.docc/Transactions.md")
        let guide = try String(contentsOf: file, encoding: .utf8)
        func blocks(_ language: String) -> [Substring] {
            guide.components(separatedBy: "```\(language)\n").dropFirst().compactMap { $0.split(separator: "```").first }
        }
        let (python, sql) = (blocks("python"), blocks("sql"))
        try #require(python.count == 1 && sql.count == 2)
        let script = """
            import sqlite3
            sqlite3.connect("shop.db").execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, item TEXT)")
            \(python[0])
            db.executescript('''\(sql[0])''')
            for line in '''\(sql[1])'''.strip().splitlines(): print(db.execute(line).fetchall())
            """
        let ran = Process()
        let pipe = Pipe()
        ran.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        ran.arguments = ["-c", script]
        ran.currentDirectoryURL = URL(fileURLWithPath: sandbox.directory)
        ran.standardOutput = pipe
        try ran.run()
        let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n")
        ran.waitUntilExit()
        #expect(ran.terminationStatus == 0)
        let jobs = try sandbox.run("jobs", "--store", database, "--json").objects()
        #expect(jobs.compactMap { $0["key"] as? String } == ["receipt-1"])
        #expect(jobs.compactMap { $0["kind"] as? String } == ["receipt", "receipt"])
        let newest = try #require(jobs.first?["id"] as? String)
        #expect(said.map(String.init) == ["[]", "[('\(newest)',)]"])
    }

    @Test func `a database without jobs says how to keep some in it`() throws {
        let sandbox = try Sandbox()
        let database = sandbox.directory + "/shop.db"
        #expect(
            try sandbox.run("embed", database).err
                == "errand: there is no database at \(database): let the application make it first, or add --create\n")
        try Data().write(to: URL(fileURLWithPath: database))
        let output = try sandbox.run("jobs", "--store", database)
        #expect(output.status == 4)
        #expect(
            output.err
                == "errand: \(database) is a file, and no store is embedded in it: name a directory, or run `errand embed \(database)` once to keep jobs in it\n"
        )
        #expect(try sandbox.run("embed", database).status == 0)
        #expect(try sandbox.run("embed", database).text == database + "-errand")
        let id = try sandbox.run("enqueue", "--store", database, "--", "true").text
        #expect(try sandbox.run("work", "--store", database, "--until-empty").status == 0)
        #expect(try sandbox.run("show", "--store", database + "-errand", id).out.contains("completed"))
        #expect(try sandbox.run("doctor", "--store", database).status == 0)
        // What stood there is gone: nothing new takes its place.
        try FileManager.default.moveItem(atPath: database, toPath: database + ".away")
        for name in [database, database + "-errand"] {
            for verb in [["enqueue", "--store", name, "x"], ["work", "--store", name, "--until-empty"], ["jobs", "--store", name]] {
                let output = try sandbox.run(verb)
                #expect(output.status == 4, "\(verb): \(output)")
                #expect(output.err.contains("put it back"), "\(verb): \(output)")
            }
        }
        #expect(!FileManager.default.fileExists(atPath: database))
    }
}
