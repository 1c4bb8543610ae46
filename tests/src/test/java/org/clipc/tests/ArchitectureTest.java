package org.clipc.tests;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import org.clipc.ir.DType;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Philox;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;

/**
 * The arrows between the modules, as README's table of folders draws them. A rule lists all that a module may use, so
 * that what is new, a library or a module, is refused until somebody decides that it belongs there.
 */
@AnalyzeClasses(
        packages = "org.clipc",
        importOptions = {ImportOption.DoNotIncludeTests.class, ArchitectureTest.NoJarsOfTests.class})
class ArchitectureTest {

    /** What a module lends its tests by is no part of the product. */
    static final class NoJarsOfTests implements ImportOption {

        @Override
        public boolean includes(Location location) {
            return !location.contains("-tests.jar");
        }
    }

    @ArchTest
    static final ArchRule theGraphStandsAlone = only("org.clipc.ir..", resideInAnyPackage());

    @ArchTest
    static final ArchRule theProgramFormatKnowsTheGraph =
            only("org.clipc.program..", resideInAnyPackage("org.clipc.ir..", "com.fasterxml.jackson.."));

    @ArchTest
    static final ArchRule theLanguageKnowsAntlr = only("org.clipc.grammar..", resideInAnyPackage("org.antlr.v4.."));

    @ArchTest
    static final ArchRule theCompilerKnowsTheLanguageAndTheGraph = only(
            "org.clipc.compiler..",
            resideInAnyPackage(
                    "org.clipc.grammar..",
                    "org.clipc.ir..",
                    "org.clipc.program..",
                    "javax.tools..",
                    "com.sun.source..",
                    "javax.lang.model..",
                    "com.palantir.javapoet..",
                    "org.yaml.snakeyaml..",
                    "com.fasterxml.jackson..",
                    "org.eclipse.elk..",
                    "org.eclipse.emf..",
                    "picocli.."));

    /** The runtime knows programs, and of the graph only what the program format is written with. */
    @ArchTest
    static final ArchRule theRuntimeKnowsTheProgramFormat = only(
            "org.clipc.runtime..",
            resideInAnyPackage(
                            "org.clipc.program..",
                            "javax.imageio..",
                            "org.w3c.dom..",
                            "jdk.incubator.vector..",
                            "com.sun.management..",
                            "com.fasterxml.jackson..",
                            "org.apache.commons.compress..",
                            "org.apache.commons.csv..",
                            "org.bytedeco..",
                            "org.slf4j..",
                            "me.tongfei.progressbar..",
                            "picocli..")
                    .or(belongToAnyOf(
                            DType.class,
                            Shape.class,
                            TensorType.class,
                            Philox.class,
                            Mesh.class,
                            MeshAxis.class,
                            ReduceFn.class)));

    @ArchTest
    static final ArchRule packagesHaveNoCycles =
            slices().matching("org.clipc.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule onlyMainEndsTheProcess = noClasses()
            .that()
            .resideOutsideOfPackages("org.clipc.compiler.cli..", "org.clipc.runtime.cli..")
            .should()
            .callMethod(System.class, "exit", int.class)
            .orShould()
            .callMethod(Runtime.class, "exit", int.class)
            .orShould()
            .callMethod(Runtime.class, "halt", int.class);

    @ArchTest
    static final ArchRule librariesDoNotPrint = noClasses()
            .that()
            .resideOutsideOfPackages("org.clipc.compiler.cli..", "org.clipc.runtime.cli..")
            .should()
            .accessField(System.class, "out")
            .orShould()
            .accessField(System.class, "err");

    /** That a module uses itself, the JDK's base, annotations of nullness, and {@code others}. */
    private static ArchRule only(String module, DescribedPredicate<JavaClass> others) {
        return classes()
                .that()
                .resideInAPackage(module)
                .should()
                .onlyDependOnClassesThat(resideInAnyPackage(module, "java..", "org.jspecify.annotations..")
                        .or(others));
    }
}
