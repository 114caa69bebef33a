// swift-tools-version: 6.2
// Measurements of the library, in a package of their own so that no build of Errand pays for them.
import PackageDescription

let package = Package(
    name: "errand-benchmarks",
    dependencies: [
        .package(name: "errand", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "ErrandBenchmarks",
            dependencies: [
                .product(name: "Errand", package: "errand"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: [.enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("NonisolatedNonsendingByDefault")])
    ],
    swiftLanguageModes: [.v6]
)
