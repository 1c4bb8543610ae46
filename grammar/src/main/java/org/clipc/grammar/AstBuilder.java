package org.clipc.grammar;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.antlr.v4.runtime.CommonTokenStream;
import org.antlr.v4.runtime.ParserRuleContext;
import org.antlr.v4.runtime.Token;
import org.antlr.v4.runtime.tree.ErrorNode;
import org.antlr.v4.runtime.tree.ParseTree;
import org.antlr.v4.runtime.tree.TerminalNode;
import org.clipc.grammar.antlr.ClipParser;
import org.clipc.grammar.ast.CompilationUnit;
import org.clipc.grammar.ast.Declaration;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Function;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.ast.Member;
import org.clipc.grammar.ast.Statement;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/**
 * Parse tree to syntax tree: declarations, members and statements. A member that holds a syntax error is left out, and
 * so is a declaration whose own header does.
 */
final class AstBuilder {
    private final ExprBuilder exprs;
    private final CommonTokenStream tokens;
    private final Set<ParseTree> broken = Collections.newSetFromMap(new IdentityHashMap<>());

    AstBuilder(ExprBuilder exprs, CommonTokenStream tokens) {
        this.exprs = exprs;
        this.tokens = tokens;
    }

    CompilationUnit unit(ClipParser.UnitContext ctx, SourceSpan whole) {
        findBroken(ctx);
        List<CompilationUnit.Import> imports = new ArrayList<>();
        for (ClipParser.ImportDeclContext c : ctx.importDecl()) {
            if (!broken.contains(c)) {
                boolean relative = c.STRING() != null;
                String path =
                        relative ? exprs.string(c.STRING()) : c.dottedName().getText();
                imports.add(new CompilationUnit.Import(path, relative, exprs.span(c)));
            }
        }
        List<Declaration> declarations = new ArrayList<>();
        for (ClipParser.DeclarationContext c : ctx.declaration()) {
            if (!brokenHeader(c)) {
                Declaration declaration = declaration(c);
                if (declaration != null) {
                    declarations.add(declaration);
                }
            }
        }
        return new CompilationUnit(imports, declarations, whole);
    }

    /** Marks every tree that has an error below or in it; depth is bounded by the parser. */
    private boolean findBroken(ParseTree tree) {
        boolean found = tree instanceof ErrorNode || (tree instanceof ParserRuleContext c && c.exception != null);
        for (int i = 0; i < tree.getChildCount(); i++) {
            found |= findBroken(tree.getChild(i));
        }
        if (found) {
            broken.add(tree);
        }
        return found;
    }

    /** Whether the error is somewhere else than in members that can be left out one by one. */
    private boolean brokenHeader(ParserRuleContext ctx) {
        if (!broken.contains(ctx)) {
            return false;
        }
        if (ctx.exception != null) {
            return true;
        }
        for (ParseTree child : ctx.children) {
            boolean separable =
                    child instanceof ClipParser.MemberContext || child instanceof ClipParser.ConfigKeyContext;
            boolean nests = child instanceof ClipParser.ModuleContext
                    || child instanceof ClipParser.ModelContext
                    || child instanceof ClipParser.ConfigTypeContext;
            if (broken.contains(child) && !separable && !(nests && !brokenHeader((ParserRuleContext) child))) {
                return true;
            }
        }
        return false;
    }

    private @Nullable Declaration declaration(ClipParser.DeclarationContext ctx) {
        String doc = doc(ctx.start);
        if (ctx.configType() != null) {
            return configType(ctx.configType(), doc);
        } else if (ctx.module() != null) {
            ClipParser.ModuleContext c = ctx.module();
            return new Declaration.Module(
                    exprs.name(c.name()), exprs.parameters(c.parameters()), members(c.member()), doc, exprs.span(c));
        } else if (ctx.model() != null) {
            ClipParser.ModelContext c = ctx.model();
            return new Declaration.Model(exprs.name(c.name()), members(c.member()), doc, exprs.span(c));
        } else if (ctx.function() != null) {
            return new Declaration.TopFunction(function(ctx.function(), doc));
        }
        return null;
    }

    private Declaration configType(ClipParser.ConfigTypeContext ctx, String doc) {
        List<Declaration.Key> keys = new ArrayList<>();
        for (ClipParser.ConfigKeyContext c : ctx.configKey()) {
            if (!broken.contains(c)) {
                keys.add(new Declaration.Key(
                        exprs.name(c.name()),
                        exprs.type(c.type()),
                        exprs.optional(c.expr()),
                        doc(c.start),
                        exprs.span(c)));
            }
        }
        return new Declaration.ConfigType(
                exprs.name(ctx.name(0)), ctx.base == null ? null : exprs.name(ctx.base), keys, doc, exprs.span(ctx));
    }

    private List<Member> members(List<ClipParser.MemberContext> contexts) {
        List<Member> all = new ArrayList<>();
        for (ClipParser.MemberContext c : contexts) {
            if (!broken.contains(c)) {
                all.add(member(c));
            }
        }
        return all;
    }

    private Member member(ClipParser.MemberContext ctx) {
        SourceSpan span = exprs.span(ctx);
        String doc = doc(ctx.start);
        return switch (ctx) {
            case ClipParser.ConfigMemberContext c ->
                new Member.Config(
                        exprs.name(c.name()),
                        exprs.type(c.type()),
                        c.override().stream().map(this::setting).toList(),
                        exprs.optional(c.expr()),
                        doc,
                        span);
            case ClipParser.FreezableMemberContext c
            when c.param() != null -> param(c.param(), frozen(c.frozen()), doc, span);
            case ClipParser.FreezableMemberContext c -> subModule(c.subModule(), frozen(c.frozen()), doc, span);
            case ClipParser.LetMemberContext c -> new Member.Let(exprs.name(c.name()), exprs.expr(c.expr()), span);
            case ClipParser.AssertMemberContext c -> new Member.Assert(exprs.expr(c.expr()), message(c.STRING()), span);
            case ClipParser.ConditionalMemberContext c ->
                new Member.Conditional(
                        exprs.expr(c.expr()),
                        members(c.memberBlock(0).member()),
                        otherwise(c.elseIf, c.memberBlock()),
                        span);
            case ClipParser.FunctionMemberContext c -> new Member.Method(function(c.function(), doc));
            case ClipParser.EntryMemberContext c ->
                new Member.Entry(new Function(
                        exprs.name(c.name()),
                        exprs.parameters(c.parameters()),
                        c.type() == null ? null : exprs.type(c.type()),
                        body(c.body()),
                        doc,
                        span));
            default -> throw new IllegalStateException("a member without a form: " + ctx.getClass());
        };
    }

    private Member param(ClipParser.ParamContext ctx, Member.@Nullable Frozen frozen, String doc, SourceSpan span) {
        return new Member.Param(
                exprs.name(ctx.name()),
                exprs.tensorType(ctx.tensorType()),
                exprs.expr(ctx.expr()),
                ctx.modifier().stream().map(this::modifier).toList(),
                frozen,
                doc,
                span);
    }

    private Member subModule(
            ClipParser.SubModuleContext ctx, Member.@Nullable Frozen frozen, String doc, SourceSpan span) {
        return new Member.SubModule(
                exprs.name(ctx.name()), exprs.expr(ctx.expr()), ctx.INLINE() != null, frozen, doc, span);
    }

    private List<Member> otherwise(
            ClipParser.@Nullable IfMemberContext elseIf, List<ClipParser.MemberBlockContext> blocks) {
        if (elseIf != null) {
            return List.of(new Member.Conditional(
                    exprs.expr(elseIf.expr()),
                    members(elseIf.memberBlock(0).member()),
                    otherwise(elseIf.elseIf, elseIf.memberBlock()),
                    exprs.span(elseIf)));
        }
        return blocks.size() > 1 ? members(blocks.get(1).member()) : List.of();
    }

    private Member.Setting setting(ClipParser.OverrideContext ctx) {
        return new Member.Setting(exprs.name(ctx.name()), exprs.expr(ctx.expr()), exprs.span(ctx));
    }

    private Member.Modifier modifier(ClipParser.ModifierContext ctx) {
        return new Member.Modifier(
                exprs.name(ctx.name()),
                ctx.arguments() == null ? List.of() : exprs.arguments(ctx.arguments()),
                exprs.span(ctx));
    }

    private Member.@Nullable Frozen frozen(ClipParser.@Nullable FrozenContext ctx) {
        return ctx == null ? null : new Member.Frozen(exprs.optional(ctx.expr()), exprs.span(ctx));
    }

    private @Nullable String message(@Nullable TerminalNode string) {
        return string == null ? null : exprs.string(string);
    }

    private Function function(ClipParser.FunctionContext ctx, String doc) {
        SourceSpan keyword = exprs.span(ctx.start);
        return new Function(
                ctx.name() == null ? new Identifier("", keyword) : exprs.name(ctx.name()),
                exprs.parameters(ctx.parameters()),
                ctx.type() == null ? null : exprs.type(ctx.type()),
                body(ctx.body()),
                doc,
                exprs.span(ctx));
    }

    private Function.Body body(ClipParser.BodyContext ctx) {
        ClipParser.ExprContext value = ctx.expr();
        return value != null
                ? new Function.Body.Value(exprs.expr(value))
                : new Function.Body.Block(statements(ctx.block()), exprs.span(ctx));
    }

    private List<Statement> statements(ClipParser.BlockContext ctx) {
        return ctx.statement().stream().map(this::statement).toList();
    }

    private Statement statement(ClipParser.StatementContext ctx) {
        SourceSpan span = exprs.span(ctx);
        return switch (ctx) {
            case ClipParser.LetStatementContext c ->
                new Statement.Let(
                        c.pattern().name().stream().map(exprs::name).toList(),
                        c.pattern().LPAREN() != null,
                        c.VAR() != null,
                        exprs.expr(c.expr()),
                        span);
            case ClipParser.AssignStatementContext c ->
                new Statement.Assign(exprs.name(c.name()), exprs.expr(c.expr()), span);
            case ClipParser.ReturnStatementContext c -> new Statement.Return(exprs.expr(c.expr()), span);
            case ClipParser.ConditionalStatementContext c -> ifStatement(c.ifStatement());
            case ClipParser.RepeatStatementContext c ->
                new Statement.Repeat(exprs.name(c.name()), exprs.expr(c.expr()), statements(c.block()), span);
            case ClipParser.RecomputeStatementContext c -> new Statement.Recompute(statements(c.block()), span);
            case ClipParser.AssertStatementContext c ->
                new Statement.Assert(exprs.expr(c.expr()), message(c.STRING()), span);
            default -> throw new IllegalStateException("a statement without a form: " + ctx.getClass());
        };
    }

    private Statement ifStatement(ClipParser.IfStatementContext ctx) {
        Expr condition = exprs.expr(ctx.expr());
        List<Statement> otherwise = List.of();
        if (ctx.elseIf != null) {
            otherwise = List.of(ifStatement(ctx.elseIf));
        } else if (ctx.block().size() > 1) {
            otherwise = statements(ctx.block(1));
        }
        return new Statement.If(condition, statements(ctx.block(0)), otherwise, exprs.span(ctx));
    }

    /** The text of the {@code ///} lines right before a token. */
    private String doc(Token start) {
        List<Token> hidden = tokens.getHiddenTokensToLeft(start.getTokenIndex());
        if (hidden == null) {
            return "";
        }
        return String.join(
                "\n",
                hidden.stream()
                        .filter(token -> token.getType() == ClipParser.DOC_COMMENT)
                        .map(token -> token.getText().substring(3).strip())
                        .toList());
    }
}
