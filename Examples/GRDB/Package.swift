// swift-tools-version: 6.2
// Jobs in GRDB's transactions, in a package of its own: whoever does not use GRDB never fetches it. Copy it, or depend on it by path.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "errand-grdb",
    platforms: [.macOS(.v26)],
    products: [.library(name: "ErrandGRDB", targets: ["ErrandGRDB"])],
    dependencies: [
        .package(name: "errand", path: "../..", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .target(
            name: "ErrandGRDB",
            dependencies: [.product(name: "Errand", package: "errand"), .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: settings),
        .executableTarget(name: "Shop", dependencies: ["ErrandGRDB"], swiftSettings: settings),
        .testTarget(name: "ErrandGRDBTests", dependencies: ["ErrandGRDB"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
