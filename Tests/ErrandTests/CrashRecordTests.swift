// Crash files are read with suspicion, and convict only who was in flight.

import ErrandContext
import Glibc
import Testing

@testable import Errand

@Suite struct CrashRecordTests {
    private let execution = ExecutionID(JobID(rawValue: 0x3798_b3b3_51c9_80f), 3)

    private var record: CrashRecord { CrashRecord(signal: SIGSEGV, address: 0xdead, isStackOverflow: true, execution: execution) }

    @Test func `a record is read as the handler writes it`() {
        let text =
            "errand-crash 1 signal=4 address=5653fa3da458 overflow=0 job=3798b3b351c980f ordinal=1 end\n"
            + "errand-crash 1 signal=b address=0 overflow=1 job=0 ordinal=0 end\n"
        #expect(
            CrashRecord.all(in: Array(text.utf8)) == [
                CrashRecord(signal: 4, address: 0x5653_fa3d_a458, execution: ExecutionID(execution.job, 1)),
                CrashRecord(signal: 11, isStackOverflow: true, execution: nil),
            ])
        #expect(CrashRecord.all(in: Array((record.line + "\n").utf8)) == [record])
    }

    @Test func `no cut of a record is a record`() {
        let line = Array(record.line.utf8)
        for length in 0..<line.count {
            #expect(CrashRecord.all(in: Array(line[..<length])) == [])
            #expect(CrashRecord.all(in: Array(line[..<length]) + [10]) == [], "the first \(length) bytes")
        }
    }

    @Test(arguments: [
        "", "\n", "garbage\n", "errand-crash 2 signal=4 address=0 overflow=0 job=1 ordinal=1 end\n",
        "errand-crash 1 signal=4 address=0 overflow=0 job=1 ordinal=1 END\n",
        "errand-crash 1 signal=4 address=0 overflow=0 job=1 ordinal=1\n",
        "errand-crash 1 signal=+4 address=0 overflow=0 job=1 ordinal=1 end\n",
        "errand-crash 1 signal=04 address=0 overflow=0 job=1 ordinal=1 end\n",
        "errand-crash 1 signal=4 address=AF overflow=0 job=1 ordinal=1 end\n",
        "errand-crash 1 signal=0 address=0 overflow=0 job=1 ordinal=1 end\n",
        "errand-crash 1 signal=41 address=0 overflow=0 job=1 ordinal=1 end\n",
        "errand-crash 1 signal=4 address=0 overflow=2 job=1 ordinal=1 end\n",
        "errand-crash 1 signal=4 address=0 overflow=0 job=g ordinal=1 end\n",
        "errand-crash 1 signal=4 address=0 overflow=0 job=ffffffffffffffff ordinal=1 end\n",
        "errand-crash 1 signal=4 address=0 overflow=0 job=1 ordinal=8000000000000000 end\n",
        "errand-crash 1 signal=4 address=0 overflow=0 job=-1 ordinal=1 end\n",
        "errand-crash 1 signal=4 address=0 overflow=0  job=1 ordinal=1 end\n",
        "errand-crash 1 signal=4 address=0 overflow=0 job=1 ordinal=1 end\0\n",
    ])
    func `what is no record convicts nobody`(_ text: String) {
        #expect(CrashRecord.all(in: Array(text.utf8)) == [])
    }

    @Test func `any bytes are survived, and a whole record among them is found`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let noise = (0..<300).map { _ in UInt8.random(in: 11...255, using: &generator) }
            #expect(CrashRecord.all(in: noise) == [])
            #expect(CrashRecord.all(in: noise + [10] + Array(record.line.utf8) + [10] + noise) == [record])
        }
    }

    @Test func `only executions that were held are culprits, the first record of each counts`() {
        let held = [execution, ExecutionID(execution.job, 4)]
        let again = CrashRecord(signal: SIGABRT, execution: execution)
        let inquest = Inquest(records: [record, again], held: held)
        #expect(inquest.culprits == [execution: .recorded(record)])
        #expect(inquest.neighbourError?.message == "\(execution) crashed (SIGSEGV (stack overflow)) and took the worker down")
    }

    @Test func `a culprit that another worker of the process held leaves these executions without suspicion`() {
        let inquest = Inquest(records: [record], held: [ExecutionID(execution.job, 2)])
        #expect(inquest.culprits.isEmpty)
        #expect(inquest.neighbourError != nil)
    }

    @Test func `a crash of nobody's code leaves everybody under the rule of unknown deaths`() {
        for records in [[], [CrashRecord(signal: SIGILL, execution: nil)]] {
            let inquest = Inquest(records: records, held: [execution])
            #expect(inquest.culprits.isEmpty)
            #expect(inquest.neighbourError == nil)
        }
    }

    @Test func `a suspect that ran alone is convicted by a death that names nobody, and by no other`() {
        for records in [[], [CrashRecord(signal: SIGILL, execution: nil)]] {
            let inquest = Inquest(records: records, held: [execution], suspects: [execution])
            #expect(inquest.culprits == [execution: .diedAlone])
            #expect(inquest.neighbourError == nil)
        }
        let crowd = Inquest(records: [], held: [execution, ExecutionID(execution.job, 4)], suspects: [execution])
        #expect(crowd.culprits.isEmpty)
        let other = Inquest(records: [record], held: [ExecutionID(execution.job, 9)], suspects: [ExecutionID(execution.job, 9)])
        #expect(other.culprits.isEmpty)
    }

    @Test func `the signal is named, with its address where that says something`() {
        #expect(CrashRecord(signal: SIGILL, address: 7, execution: nil).description == "SIGILL")
        #expect(CrashRecord(signal: SIGSEGV, address: 8, execution: nil).description == "SIGSEGV at address 0x8")
        #expect(CrashRecord(signal: SIGABRT, execution: nil).description == "SIGABRT")
        #expect(CrashRecord(signal: 31, execution: nil).description == "signal 31")
        #expect(Inquest.Crash.recorded(record).error(kind: "k").message == "SIGSEGV (stack overflow) in a handler of kind k")
    }

    @Test func `a worker's ID is read back from its file's name, and nothing else is`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<100 {
            let worker = WorkerID(using: &generator)
            #expect(WorkerID("\(worker)") == worker)
        }
        for name in ["", ".", "..", "00000000", "67TZ6R0F", "67tz6r0f ", "67tz6r0", "67tz6r0fx", "zzzzzzzz", "67tz-r0f"] {
            #expect(WorkerID(name) == nil, "\(name)")
        }
    }
}
