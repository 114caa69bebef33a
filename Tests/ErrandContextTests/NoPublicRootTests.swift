// No other package can make a context or say who is current: such code does not compile.

import Testing

struct NoPublicRootTests {
    /// What a stranger may do.
    private static let allowed = """
        import ErrandContext
        import Logging
        func allowed(_ context: ExecutionContext) async {
            let snapshot = ExecutionContext.capture()
            snapshot.run { context.logger.info("\\(ExecutionContext.current?.description ?? "nobody")") }
            await ExecutionContext.none { await Task.yield() }
            _ = Carried(1).run { $0 }
        }
        """

    /// What a stranger may not do, and what the compiler answers.
    private static let forbidden: [(name: String, source: String, error: String)] = [
        (
            "makeContext",
            """
            import ErrandContext
            func makeContext(_ id: ExecutionID, _ sink: Never) -> ExecutionContext {
                ExecutionContext(
                    executionID: id, attempt: 1, maxAttempts: 1, queue: "", kind: "", parent: nil, root: nil, trace: nil, meta: [:],
                    sink: sink, now: { fatalError() })
            }
            """,
            "'ExecutionContext' initializer is inaccessible due to 'package' protection level"
        ),
        (
            "nestContext",
            """
            import ErrandContext
            func nestContext(_ context: ExecutionContext) { _ = ExecutionContext(nesting: [:], in: context) }
            """,
            "'ExecutionContext' initializer is inaccessible due to 'internal' protection level"
        ),
        (
            "openScope",
            """
            import ErrandContext
            func openScope(_ context: ExecutionContext) async { await context.run {} }
            """,
            "'run' is inaccessible due to 'package' protection level"
        ),
        (
            "setCurrent",
            """
            import ErrandContext
            func setCurrent(_ context: ExecutionContext) { ExecutionContext.current = context }
            """,
            "cannot assign to property: 'current' is a get-only property"
        ),
        (
            "bindTaskLocal",
            """
            import ErrandContext
            func bindTaskLocal(_ context: ExecutionContext) { ExecutionContext.$current.withValue(context) {} }
            """,
            "type 'ExecutionContext' has no member '$current'"
        ),
        (
            "nameCarrier",
            """
            import ErrandContext
            func nameCarrier() { _ = ErrandContext.Carrier.self }
            """,
            "module 'ErrandContext' has no member named 'Carrier'"
        ),
        (
            "nameKey",
            """
            import ErrandContext
            func nameKey() { _ = ErrandContext.ExecutionContextKey.self }
            """,
            "module 'ErrandContext' has no member named 'ExecutionContextKey'"
        ),
        (
            "makeSnapshot",
            """
            import ErrandContext
            import Logging
            func makeSnapshot(_ logger: Logger) { _ = Snapshot(standing: .unknown, service: nil, logger: logger) }
            """,
            "'Snapshot' initializer is inaccessible due to 'fileprivate' protection level"
        ),
        (
            "readAmbient",
            """
            import ErrandContext
            func readAmbient() { _ = ExecutionContext.ambient }
            """,
            "'ambient' is inaccessible due to 'internal' protection level"
        ),
    ]

    @Test func `a stranger cannot make a context, open a scope, set who is current or forge a snapshot`() async throws {
        var sources = Dictionary(uniqueKeysWithValues: NoPublicRootTests.forbidden.map { ($0.name, $0.source) })
        sources["allowed"] = NoPublicRootTests.allowed
        let compiler = try await onNewThread { [sources] in Result { try Compiler(checking: sources) } }.get()
        #expect(!compiler.isAccepted)
        for (name, _, error) in NoPublicRootTests.forbidden {
            let errors = compiler.errors[name, default: []]
            #expect(errors.contains(error), "\(name): \(errors)")
        }
        #expect(compiler.errors["allowed"] == nil)
    }

    @Test func `what a stranger may do compiles by itself`() async throws {
        let compiler = try await onNewThread { Result { try Compiler(checking: ["allowed": NoPublicRootTests.allowed]) } }.get()
        #expect(compiler.isAccepted)
        #expect(compiler.errors == [:])
    }
}
