// The .clip model language. Newlines mean nothing to the parser: no statement starts with a token that
// could continue an expression (an operator, `(`, `[` or `.`), so no separators are needed between them.
// Every choice is made on the next one or two tokens (no rule alternative starts with a whole expression that
// another one starts with too): parsing is linear, and hostile input cannot make it otherwise.
grammar Clip;

options { superClass = DepthLimitedParser; }

unit : importDecl* declaration* EOF ;

importDecl : IMPORT (STRING | dottedName) ;
dottedName : name ('.' name)* ;

declaration
    : configType
    | module
    | function
    | model
    ;

configType : CONFIG name (':' base=name)? '{' configKey* '}' ;
configKey  : name ':' type ('=' expr)? ;

module : MODULE name ('(' parameters ')')? '{' member* '}' ;
model  : MODEL name '{' member* '}' ;

parameters : (parameter (',' parameter)* ','?)? ;
parameter  : name ':' type ('=' expr)? ;

type
    : STRING ('|' STRING)*                       # EnumeratedType
    | tensorType                                 # TensorTypeRef
    | '(' element (',' element)* ','? ')'        # TupleType
    | name                                       # NamedType
    ;

// An entry's results carry names: (loss: [], logits: [B, B]).
element : (name ':')? type ;

tensorType : name? '[' (dim (',' dim)* ','?)? ']' ;
dim
    : name '..'                                  # SpreadDim
    | expr                                       # SingleDim
    ;

member
    : CONFIG name ':' type ('{' override* '}' | '=' expr)?         # ConfigMember
    | frozen? (param | subModule)                                   # FreezableMember
    | LET name '=' expr                                             # LetMember
    | ASSERT expr (',' STRING)?                                     # AssertMember
    | IF expr memberBlock (ELSE (elseIf=ifMember | memberBlock))?   # ConditionalMember
    | function                                                      # FunctionMember
    | ENTRY name '(' parameters ')' ('->' type)? body               # EntryMember
    ;

param       : PARAM name ':' tensorType '=' expr modifier* ;
subModule   : INLINE? name '=' expr ;
ifMember    : IF expr memberBlock (ELSE (elseIf=ifMember | memberBlock))? ;
memberBlock : '{' member* '}' ;
override    : name '=' expr ;
frozen      : FROZEN ('(' expr ')')? ;
modifier    : name ('(' arguments ')')? ;

function : FN name? '(' parameters ')' ('->' type)? body ;
body     : '=' expr | block ;
block    : '{' statement* '}' ;

statement
    : (LET | VAR) pattern '=' expr               # LetStatement
    | name '=' expr                              # AssignStatement
    | RETURN expr                                # ReturnStatement
    | ifStatement                                # ConditionalStatement
    | REPEAT name IN expr block                  # RepeatStatement
    | RECOMPUTE block                            # RecomputeStatement
    | ASSERT expr (',' STRING)?                  # AssertStatement
    ;

ifStatement : IF expr block (ELSE (elseIf=ifStatement | block))? ;
pattern     : name | '(' name (',' name)* ','? ')' ;

expr
    : expr '.' name                              # FieldExpr
    | expr '(' arguments ')'                     # CallExpr
    | expr '[' subscript (',' subscript)* ','? ']'   # IndexExpr
    | op='-' expr                                # UnaryExpr
    | expr op=('*' | '/' | '%' | '@') expr       # BinaryExpr
    | expr op=('+' | '-') expr                   # BinaryExpr
    | expr op=('<' | '<=' | '>' | '>=' | '==' | '!=') expr   # BinaryExpr
    | op=NOT expr                                # UnaryExpr
    | expr op=AND expr                           # BinaryExpr
    | expr op=OR expr                            # BinaryExpr
    | IF expr THEN expr ELSE expr                # ConditionalExpr
    | REPEAT name IN expr '{' expr '}'           # StackExpr
    | '(' expr (',' expr)* ','? ')'              # GroupExpr
    | '[' (expr (',' expr)* ','?)? ']'           # ListExpr
    | INT                                        # IntExpr
    | FLOAT                                      # FloatExpr
    | STRING                                     # StringExpr
    | (TRUE | FALSE)                             # BoolExpr
    | name                                       # NameExpr
    ;

arguments : (argument (',' argument)* ','?)? ;
argument  : (name '=')? expr ;
subscript
    : '..'                                       # RestSubscript
    | ':' to=expr?                               # SliceSubscript
    | from=expr (colon=':' to=expr?)?            # IndexSubscript
    ;

// `in` reads well as a dimension's name (`Linear(in, out)`), so it is reserved only after `repeat i`.
name : IDENT | IN ;

IMPORT : 'import' ;
CONFIG : 'config' ;
MODULE : 'module' ;
MODEL : 'model' ;
FN : 'fn' ;
ENTRY : 'entry' ;
PARAM : 'param' ;
INLINE : 'inline' ;
FROZEN : 'frozen' ;
LET : 'let' ;
VAR : 'var' ;
RETURN : 'return' ;
IF : 'if' ;
THEN : 'then' ;
ELSE : 'else' ;
REPEAT : 'repeat' ;
IN : 'in' ;
RECOMPUTE : 'recompute' ;
ASSERT : 'assert' ;
AND : 'and' ;
OR : 'or' ;
NOT : 'not' ;
TRUE : 'true' ;
FALSE : 'false' ;

LBRACE : '{' ;
RBRACE : '}' ;
LPAREN : '(' ;
RPAREN : ')' ;
LBRACKET : '[' ;
RBRACKET : ']' ;
ARROW : '->' ;
SPREAD : '..' ;
DOT : '.' ;
COMMA : ',' ;
COLON : ':' ;
ASSIGN : '=' ;
BAR : '|' ;
PLUS : '+' ;
MINUS : '-' ;
STAR : '*' ;
SLASH : '/' ;
PERCENT : '%' ;
AT : '@' ;
LT : '<' ;
LE : '<=' ;
GT : '>' ;
GE : '>=' ;
EQ : '==' ;
NE : '!=' ;

FLOAT : DIGIT+ '.' DIGIT+ EXPONENT? | DIGIT+ EXPONENT ;
INT : DIGIT+ ;
STRING : '"' (~["\\\r\n] | '\\' ~[\r\n])* '"' ;
IDENT : [\p{L}_] [\p{L}\p{Nd}_]* ;

DOC_COMMENT : '///' ~[\r\n]* -> channel(HIDDEN) ;
LINE_COMMENT : '//' ~[\r\n]* -> channel(HIDDEN) ;
BLOCK_COMMENT : '/*' .*? '*/' -> channel(HIDDEN) ;
SPACE : [ \t\r\n\u000C\uFEFF]+ -> skip ;

// Reported by the parser entry with a message of their own, and hidden so that parsing goes on around them.
UNTERMINATED_STRING : '"' (~["\\\r\n] | '\\' ~[\r\n])* '\\'? -> channel(HIDDEN) ;
UNTERMINATED_COMMENT : '/*' (~'*' | '*'+ ~[*/])* '*'* EOF -> channel(HIDDEN) ;
STRAY : . -> channel(HIDDEN) ;

fragment DIGIT : [0-9] ;
fragment EXPONENT : [eE] [+-]? DIGIT+ ;
