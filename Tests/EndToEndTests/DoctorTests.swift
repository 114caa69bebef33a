// The promise: the program can show by itself that nothing is crossed here.

import Testing

@Suite(.timeLimit(.minutes(3))) struct DoctorTests {
    @Test func `doctor --context finds every line under its own execution, up to 1,000 at once, and needs no store`() throws {
        let sandbox = try Sandbox()
        let doctor = try sandbox.run("doctor", "--context")
        #expect(doctor.status == 0)
        #expect(
            doctor.lines == [
                "ok       context      handlers, 3 at once: 9 executions, 72 lines, 72 with a known owner, none lost or crossed",
                "ok       context      handlers, 64 at once: 192 executions, 1536 lines, 1536 with a known owner, none lost or crossed",
                "ok       context      handlers, 1000 at once: 3000 executions, 24000 lines, 24000 with a known owner, none lost or crossed",
                "ok       context      commands, 3 at once: 6 executions, 24 lines, 24 with a known owner, none lost or crossed",
                "ok       context      commands, 64 at once: 128 executions, 512 lines, 512 with a known owner, none lost or crossed",
            ])
    }
}
