import ts from 'typescript'

/** Where text for people stands in code, and which texts code asks for: for the tests that keep both in order. */
export interface Left {
  line: number
  text: string
}

/** Props that people read or hear, whatever their value is. */
const READ =
  /^(aria-(label|description|valuetext|roledescription|placeholder)|title|label|placeholder|alt|note|help|verb|text|hint|description|heading|empty|error|word|words|off|aside|ask|said)$/
/** Attributes that are never read. */
const NOT_READ =
  /^(class|className|\w+Class|style|d|viewBox|points|transform|href|src|to|from|search|id|key|type|role|name|autoComplete)$/
/** Calls that take what is for machines. */
const MACHINES =
  /^(cx|buttonClass|querySelector|querySelectorAll|closest|matches|matchMedia|matchFont|getItem|setItem|removeItem|addEventListener|removeEventListener|getAttribute|setAttribute|createElement|page|part|createElementNS|getPropertyValue|setProperty|includes|startsWith|endsWith|split|replace|replaceAll|indexOf|has|get|supports|import|RegExp|execCommand|describe|it|expect)$/
/** Looks like words, and is none: names of products, of the platform, of keys as events name them. */
const NAMES = new Set(
  `Warren DELETE GET HEAD PATCH POST PUT Accept Content-Type Escape Enter Tab Home End PageUp PageDown ArrowUp ArrowDown
  ArrowLeft ArrowRight Backspace Delete Shift Control Meta Alt Problem NotAllowedError AbortError InvalidStateError
  SecurityError NotSupportedError ConstraintError Page Android Chrome Edge Firefox Linux Minecraft Opera Safari Windows
  iOS macOS /srv/games/maps /mnt/maps`.split(/\s+/),
)
// What a game says in its own language.
NAMES.add('Saved the game')

/** Also none: names of files, keys and hosts; fonts; keys that are pressed one after the other. */
const NAME_LIKE = /^[\w-]+([./=:_][\w-]*)+$|sans-serif|monospace|\w Variable"|^\w( \w)*$/
/** A single letter is a unit or a key; paths of drawings have many. */
const LETTER = /\p{L}\p{L}/u

function isName(text: string): boolean {
  const plain = text.trim()
  return NAMES.has(plain) || NAME_LIKE.test(plain) || !LETTER.test(plain.replaceAll('…', ' '))
}

function classes(text: string): boolean {
  const words = text.trim().split(/\s+/)
  const odd = words.filter((word) => /[-:[\]_/]|^\w+\d$/.test(word) && !/[.,;!?’]$/.test(word))
  return !/[A-Z’;?]|[.!]( |$)/.test(text.replace(/\[[^\]]*\]|\b!/g, '')) && odd.length * 3 >= words.length
}

/** What a literal says, with a mark where a template puts something in. */
function wordsOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node))
    return [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join('\u2026')
  return undefined
}

function looksRead(text: string): boolean {
  const plain = text.trim()
  if (/^\p{Lu}\p{Ll}+$/u.test(plain)) return true
  if (/^[\p{Lu}…]?\p{Ll}*…?\S* ?[\p{L}…’(]+/u.test(plain) && /[\p{L}…’,;:)] [\p{L}…(]/u.test(plain))
    return !classes(plain)
  return false
}

type Place = 'read' | 'machine' | 'open'

/** Who reads what stands at this node, judged by what is around it. */
function placeOf(node: ts.Node, callees: Set<string>): Place {
  for (let at: ts.Node = node; at.parent; at = at.parent) {
    const { parent } = at
    if (ts.isJsxAttribute(parent)) {
      const name = parent.name.getText()
      if (READ.test(name)) return 'read'
      return NOT_READ.test(name) || name.startsWith('data-') ? 'machine' : 'open'
    }
    if (ts.isJsxExpression(parent)) {
      if (ts.isJsxElement(parent.parent) || ts.isJsxFragment(parent.parent)) return 'read'
      continue
    }
    if (ts.isConditionalExpression(parent)) {
      if (parent.condition === at) return 'machine'
      continue
    }
    if (ts.isBinaryExpression(parent)) {
      const sign = parent.operatorToken.kind
      const passes = [
        ts.SyntaxKind.AmpersandAmpersandToken,
        ts.SyntaxKind.BarBarToken,
        ts.SyntaxKind.QuestionQuestionToken,
        ts.SyntaxKind.PlusToken,
      ]
      if (!passes.includes(sign)) return sign === ts.SyntaxKind.EqualsToken ? 'open' : 'machine'
      continue
    }
    if (ts.isParenthesizedExpression(parent) || ts.isAsExpression(parent) || ts.isSatisfiesExpression(parent))
      continue
    if (ts.isTemplateSpan(parent) || ts.isTemplateExpression(parent)) continue
    if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) {
      const callee = parent.expression
      const name = ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.getText()
      const first = ts.isPropertyAccessExpression(callee) ? callee.expression.getText() : name
      return MACHINES.test(name) || callees.has(first) || /^(console|texts|extra)$/.test(first)
        ? 'machine'
        : 'open'
    }
    if (ts.isPropertyAssignment(parent)) {
      if (parent.name === at) return 'machine'
      return 'open'
    }
    if (
      ts.isImportDeclaration(parent) ||
      ts.isExportDeclaration(parent) ||
      ts.isLiteralTypeNode(parent) ||
      ts.isTemplateLiteralTypeNode(parent) ||
      ts.isCaseClause(parent) ||
      ts.isElementAccessExpression(parent) ||
      ts.isTaggedTemplateExpression(parent) ||
      ts.isExternalModuleReference(parent)
    )
      return 'machine'
    return 'open'
  }
  return 'open'
}

/** `read` is known to be read: it is text if it has a letter. Elsewhere it has to look like it. */
function isText(words: string, place: Place): boolean {
  if (place === 'machine' || isName(words)) return false
  return place === 'read' || looksRead(words)
}

function sourceOf(path: string, code: string): ts.SourceFile {
  const kind = path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS
  return ts.createSourceFile(path, code, ts.ScriptTarget.ES2022, true, kind)
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

/** The names that a module gives to its texts, with their namespaces: `const t = texts('shell')`. */
function bindings(source: ts.SourceFile): Map<string, string> {
  const found = new Map<string, string>()
  walk(source, (node) => {
    if (!ts.isVariableDeclaration(node) || !node.initializer || !ts.isCallExpression(node.initializer)) return
    const [namespace] = node.initializer.arguments
    if (!/^(texts|extra)$/.test(node.initializer.expression.getText()) || !namespace) return
    if (ts.isStringLiteral(namespace)) found.set(node.name.getText(), namespace.text)
  })
  return found
}

export function leftIn(path: string, code: string): Left[] {
  const source = sourceOf(path, code)
  const callees = new Set(bindings(source).keys())
  const left: Left[] = []
  walk(source, (node) => {
    const line = () => source.getLineAndCharacterOfPosition(node.getStart()).line + 1
    if (ts.isJsxText(node)) {
      const text = node.text.replace(/&\w+;|\s+/g, ' ').trim()
      if (isText(text, 'read')) left.push({ line: line(), text })
      return
    }
    const words = wordsOf(node)
    if (words !== undefined && isText(words, placeOf(node, callees))) left.push({ line: line(), text: words })
  })
  return left
}

export interface Asked {
  namespaces: Set<string>
  /** Every text of the file that may be a key. */
  keys: Set<string>
  /** As the beginning and end of keys of which the middle is known only while the app runs. */
  patterns: RegExp[]
  /** Calls outside of every function: they would keep the language in which the module was loaded. */
  early: Left[]
}

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** Which texts a module may ask for. */
export function askedIn(path: string, code: string): Asked {
  const source = sourceOf(path, code)
  const bound = bindings(source)
  const asked: Asked = { namespaces: new Set(bound.values()), keys: new Set(), patterns: [], early: [] }
  for (const [, namespace] of code.matchAll(/\bKey<'(\w+)'>/g)) if (namespace) asked.namespaces.add(namespace)
  walk(source, (node) => {
    if (ts.isStringLiteralLike(node)) asked.keys.add(node.text)
    if (ts.isTemplateExpression(node)) {
      const ends = [node.head.text, ...node.templateSpans.map((span) => span.literal.text)]
      if (/^[a-z0-9_.…]*[a-z0-9][a-z0-9_.…]*$/.test(ends.join('…')))
        asked.patterns.push(new RegExp(`^${ends.map(quoted).join('[a-z0-9_]+')}$`))
    }
    if (!ts.isCallExpression(node)) return
    const { expression } = node
    const name = ts.isPropertyAccessExpression(expression)
      ? expression.expression.getText()
      : expression.getText()
    if (!bound.has(name)) return
    let inside: ts.Node | undefined = node
    while (inside && !ts.isFunctionLike(inside)) inside = inside.parent
    const { line } = source.getLineAndCharacterOfPosition(node.getStart())
    if (!inside) asked.early.push({ line: line + 1, text: node.getText() })
  })
  return asked
}
