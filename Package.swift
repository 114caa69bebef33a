// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .treatAllWarnings(as: .error),
    .treatWarning("DeprecatedDeclaration", as: .warning),
]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let metricsTestKit: Target.Dependency = .product(name: "MetricsTestKit", package: "swift-metrics")
let inMemoryTracing: Target.Dependency = .product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
/// Everything that needs SwiftNIO stands behind this trait: without it a build needs none of it.
let web: TargetDependencyCondition? = .when(traits: ["Web"])
let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio", condition: web)
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio", condition: web)
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio", condition: web)
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client", condition: web)
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf", condition: web)

let package = Package(
    name: "errand",
    products: [
        .library(name: "Errand", targets: ["Errand", "ErrandContext", "ErrandSQLite"]),
        .library(name: "ErrandApp", targets: ["ErrandCLI"]),
        .library(name: "ErrandTesting", targets: ["ErrandTesting"]),
        .library(name: "ErrandContextFoundation", targets: ["ErrandContextFoundation"]),
        .library(name: "ErrandContextNIO", targets: ["ErrandContextNIO"]),
        .library(name: "ErrandCrypto", targets: ["ErrandCrypto"]),
        .library(name: "ErrandSentry", targets: ["ErrandSentry"]),
        .library(name: "ErrandOTLP", targets: ["ErrandOTLP"]),
        .executable(name: "errand", targets: ["ErrandTool"]),
        .executable(name: "errand-demo", targets: ["ErrandDemo"]),
    ],
    traits: [
        .trait(name: "Web", description: "Error reports to Sentry, traces over OTLP, SwiftNIO conveniences: all that needs SwiftNIO"),
        .default(enabledTraits: ["Web"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    ],
    targets: [
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "CErrand", cSettings: [.define("_GNU_SOURCE")]),
        // Linked by programs that are ours from end to end, and by nobody else: it stands before the system's pthread_create.
        .target(name: "CErrandThreads", dependencies: ["CErrand"], cSettings: [.define("_GNU_SOURCE")]),
        .target(
            name: "ErrandContext",
            dependencies: ["CErrand", logging, tracing],
            swiftSettings: strict),
        .target(name: "ErrandSchedules", dependencies: ["ErrandContext"], swiftSettings: strict),
        .target(
            name: "Errand",
            dependencies: [
                "ErrandContext", "ErrandSchedules", "CErrand", logging, tracing, metrics, lifecycle,
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .target(
            name: "ErrandSQLite",
            dependencies: ["Errand", "ErrandContext", "CSQLite", "CErrand", logging],
            swiftSettings: strict),
        .target(
            name: "ErrandHandlers",
            dependencies: [
                "Errand", "ErrandContext", "CErrand", "CYAML", logging,
            ],
            swiftSettings: strict),
        // A room of its own: who embeds the library without encryption builds no cryptography.
        .target(name: "ErrandCrypto", dependencies: ["Errand", crypto], swiftSettings: strict),
        .target(name: "ErrandContextFoundation", dependencies: ["ErrandContext"], swiftSettings: strict),
        .target(name: "ErrandContextNIO", dependencies: ["ErrandContext", nio], swiftSettings: strict),
        .target(name: "ErrandSentry", dependencies: ["Errand", "ErrandContext", logging, nio, nioHTTP, httpClient], swiftSettings: strict),
        .target(
            name: "ErrandOTLP", dependencies: ["Errand", "ErrandContext", logging, tracing, nio, nioHTTP, httpClient, protobuf],
            exclude: ["Protocol"],
            swiftSettings: strict),
        .target(
            name: "ErrandTesting",
            dependencies: ["Errand", "ErrandContext", logging],
            swiftSettings: strict),
        // Measures the other rooms on the user's own machine, as they are.
        .target(
            name: "ErrandBench", dependencies: ["Errand", "ErrandContext", "ErrandSQLite", "ErrandHandlers", logging], swiftSettings: strict
        ),
        .target(
            name: "ErrandCLI",
            dependencies: [
                "Errand", "ErrandBench", "ErrandContext", "ErrandSQLite", "ErrandHandlers", "ErrandCrypto", "CErrand", "CErrandThreads",
                .target(name: "ErrandSentry", condition: web), .target(name: "ErrandOTLP", condition: web),
                logging, lifecycle, tracing, argumentParser,
            ],
            swiftSettings: strict),
        .executableTarget(name: "ErrandTool", dependencies: ["ErrandCLI"], swiftSettings: strict),
        .executableTarget(
            name: "ErrandDemo",
            dependencies: ["Errand", "ErrandContext", "ErrandSQLite", logging],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandContextTests",
            dependencies: ["ErrandContext", "Errand", "ErrandTesting", "CErrand", logging, tracing],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandContextFoundationTests",
            dependencies: ["ErrandContextFoundation", "ErrandContext", "ErrandTesting", logging],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandContextNIOTests",
            dependencies: ["ErrandContextNIO", "ErrandContext", "ErrandTesting", logging, nio, nioPosix],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandSentryTests",
            dependencies: ["ErrandSentry", "Errand", "ErrandContext", "ErrandTesting", logging, nio, nioPosix, nioHTTP, httpClient],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandOTLPTests",
            dependencies: [
                "ErrandOTLP", "Errand", "ErrandContext", "ErrandTesting", logging, tracing, nio, nioPosix, nioHTTP, httpClient, protobuf,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandSchedulesTests",
            dependencies: ["ErrandSchedules", "ErrandContext"],
            exclude: ["Croniter/next_times.py", "Croniter/zone_offsets.py", "Croniter/requirements.txt"],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandTests",
            dependencies: [
                "Errand", "ErrandContext", "ErrandSchedules", "ErrandTesting", logging, lifecycle, tracing, inMemoryTracing, metricsTestKit,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandSQLiteTests",
            dependencies: ["ErrandSQLite", "Errand", "ErrandContext", "ErrandTesting", "CSQLite", "CErrand", logging],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandHandlersTests",
            dependencies: ["ErrandHandlers", "Errand", "ErrandContext", "ErrandTesting", "CErrand", logging],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandTestingTests",
            dependencies: ["ErrandTesting", "Errand", "ErrandContext", "ErrandSQLite", "ErrandCrypto", "Simulate", logging],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandCryptoTests",
            dependencies: ["ErrandCrypto", "Errand", "ErrandContext", "ErrandSQLite", "ErrandTesting", crypto, logging],
            swiftSettings: strict),
        .testTarget(
            name: "ErrandCLITests",
            dependencies: ["ErrandCLI", "Errand", "ErrandContext", "ErrandSQLite", "ErrandTesting", argumentParser, logging],
            swiftSettings: strict),
        // Here and not among the other benchmarks, because only this package may open a root scope.
        .executableTarget(
            name: "ContextCost", dependencies: ["ErrandContext", "CErrand", logging], path: "Scripts/ContextCost",
            swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
        // Plain, it plays files through the targets; Scripts/soak builds it with libFuzzer.
        .executableTarget(
            name: "ErrandFuzz",
            dependencies: ["ErrandCLI", "ErrandHandlers", "Errand", "ErrandContext", "ErrandTesting", "CSQLite", logging],
            path: "Scripts/Fuzz", exclude: ["Corpus", "dictionary.txt"], swiftSettings: strict),
        .testTarget(name: "FuzzTests", dependencies: ["ErrandFuzz"], swiftSettings: strict),
        .executableTarget(
            name: "Simulate", dependencies: ["ErrandTesting", "ErrandSQLite", "Errand", argumentParser], path: "Scripts/Simulate",
            swiftSettings: strict),
        .executableTarget(
            name: "ScenarioApp", dependencies: ["ErrandCLI", logging], path: "Tests/ScenarioApp", swiftSettings: strict),
        .executableTarget(
            name: "CrashingApp",
            dependencies: ["ErrandCLI", "Errand", "ErrandContext"],
            path: "Tests/CrashingApp",
            swiftSettings: strict),
        .executableTarget(
            name: "IsolatedApp",
            dependencies: ["ErrandCLI", "Errand", "ErrandContext", "ErrandSQLite", logging],
            path: "Tests/IsolatedApp",
            swiftSettings: strict),
        // Stands before the C library's calls, in the one program that links it.
        .target(name: "FaultInjector", path: "Tests/FaultInjector", cSettings: [.define("_GNU_SOURCE")]),
        .executableTarget(
            name: "FaultLab",
            dependencies: ["Errand", "ErrandContext", "ErrandSQLite", "FaultInjector", "CSQLite", logging, argumentParser],
            path: "Tests/FaultLab",
            swiftSettings: strict),
        .executableTarget(
            name: "ShopApp", dependencies: ["Errand", "ErrandSQLite", "ErrandTesting", "FaultInjector", "CSQLite"], path: "Tests/ShopApp",
            swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "ErrandTool", "ErrandDemo", "ScenarioApp", "CrashingApp", "IsolatedApp", "FaultLab", "ShopApp", "Errand", "ErrandContext",
                "ErrandSQLite",
            ],
            exclude: ["Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "ErrandCLI", "Errand", "ErrandContext", "ErrandContextFoundation", "ErrandCrypto", "ErrandSQLite", "ErrandSchedules",
                "ErrandTesting",
                .target(name: "ErrandSentry", condition: web), .target(name: "ErrandOTLP", condition: web), logging, lifecycle, tracing,
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
