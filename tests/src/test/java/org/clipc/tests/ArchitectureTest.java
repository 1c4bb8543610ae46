package org.clipc.tests;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The arrows between the modules, and what each may use, as README's table of folders draws them. */
@AnalyzeClasses(packages = "org.clipc", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    private static final String[] COMPILER_LIBRARIES = {"com.palantir..", "org.yaml..", "javax.tools.."};

    @ArchTest
    static final ArchRule theGraphStandsAlone = noClasses()
            .that()
            .resideInAPackage("org.clipc.ir..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "org.clipc.program..",
                    "org.clipc.grammar..",
                    "org.clipc.compiler..",
                    "org.clipc.runtime..",
                    "com.fasterxml..",
                    "org.antlr..");

    @ArchTest
    static final ArchRule theProgramFormatKnowsOnlyTheGraph = noClasses()
            .that()
            .resideInAPackage("org.clipc.program..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.clipc.grammar..", "org.clipc.compiler..", "org.clipc.runtime..");

    @ArchTest
    static final ArchRule theLanguageKnowsOnlyAntlr = noClasses()
            .that()
            .resideInAPackage("org.clipc.grammar..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "org.clipc.ir..",
                    "org.clipc.program..",
                    "org.clipc.compiler..",
                    "org.clipc.runtime..",
                    "com.fasterxml..");

    @ArchTest
    static final ArchRule theCompilerDoesNotKnowTheRuntime = noClasses()
            .that()
            .resideInAPackage("org.clipc.compiler..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.clipc.runtime..");

    @ArchTest
    static final ArchRule theRuntimeDoesNotKnowTheCompiler = noClasses()
            .that()
            .resideInAPackage("org.clipc.runtime..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.clipc.compiler..", "org.clipc.grammar..")
            .orShould()
            .dependOnClassesThat()
            .resideInAnyPackage(COMPILER_LIBRARIES);

    @ArchTest
    static final ArchRule packagesHaveNoCycles =
            slices().matching("org.clipc.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule onlyMainEndsTheProcess = noClasses()
            .that()
            .resideOutsideOfPackages("org.clipc.compiler.cli..", "org.clipc.runtime.cli..")
            .should()
            .callMethod(System.class, "exit", int.class);

    @ArchTest
    static final ArchRule librariesDoNotPrint = noClasses()
            .that()
            .resideOutsideOfPackages("org.clipc.compiler.cli..", "org.clipc.runtime.cli..")
            .should()
            .accessField(System.class, "out")
            .orShould()
            .accessField(System.class, "err");
}
