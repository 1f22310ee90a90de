import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import type { Extension } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { tags } from '@lezer/highlight'

// Colours are the terminal's, by name: themes, and a hoster's own, change under an open file.
const theme = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'var(--term-bg)', color: 'var(--term-fg)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': {
    fontFamily: 'var(--font-mono)',
    fontFeatureSettings: 'var(--feat-mono)',
    fontSize: 'var(--code-size, 13px)',
    lineHeight: '20px',
    overflow: 'auto',
  },
  '.cm-content': { padding: '8px 0', caretColor: 'var(--term-cursor)' },
  '.cm-line': { padding: '0 12px 0 8px' },
  '.cm-gutters': {
    backgroundColor: 'var(--term-bg)',
    color: 'var(--term-gutter)',
    border: 'none',
    fontSize: '12px',
  },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 8px 0 14px', minWidth: '44px' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--surface-2) 70%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--text)' },
  '.cm-cursor, .cm-dropCursor': { borderLeftColor: 'var(--term-cursor)', borderLeftWidth: '2px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground, .cm-content ::selection':
    { backgroundColor: 'var(--term-sel) !important' },
  '.cm-searchMatch': { backgroundColor: 'var(--term-hit)', color: 'var(--text)' },
  '.cm-searchMatch.cm-searchMatch-selected': { outline: '1px solid var(--warn-dot)' },
  '.cm-selectionMatch': { backgroundColor: 'var(--surface-3)' },
  '&.cm-focused .cm-matchingBracket, .cm-matchingBracket': {
    backgroundColor: 'transparent',
    outline: '1px solid var(--line-3)',
  },
  '.cm-foldGutter .cm-gutterElement': { color: 'var(--term-gutter)', cursor: 'pointer' },
  '.cm-foldPlaceholder': {
    backgroundColor: 'var(--surface-3)',
    border: '1px solid var(--line-2)',
    color: 'var(--text-2)',
  },
  '.cm-specialChar': { color: 'var(--fail-fg)' },
  '.cm-panels': { backgroundColor: 'var(--surface)', color: 'var(--text)', fontFamily: 'var(--font-ui)' },
  '.cm-panels.cm-panels-top': { borderBottom: '1px solid var(--line)' },
  '.cm-panels.cm-panels-bottom': { borderTop: '1px solid var(--line)' },
  '.cm-panel.cm-search, .cm-panel.cm-gotoLine': {
    padding: '8px 40px 8px 12px',
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: '6px',
    fontSize: '12px',
  },
  '.cm-panel.cm-search br': { flexBasis: '100%', width: '100%', content: '""' },
  '.cm-panel.cm-search label': {
    display: 'inline-flex',
    alignItems: 'center',
    gap: '6px',
    minHeight: '24px',
    fontSize: '12px',
    color: 'var(--text-2)',
    margin: '0 6px 0 0',
  },
  '.cm-panel input[type=checkbox]': {
    accentColor: 'var(--accent-solid)',
    width: '16px',
    height: '16px',
    margin: 0,
  },
  '.cm-textfield': {
    height: '28px',
    margin: 0,
    padding: '0 10px',
    fontSize: '13px',
    borderRadius: 'var(--r)',
    border: '1px solid var(--line-2)',
    backgroundColor: 'var(--ground)',
    color: 'var(--text)',
  },
  '.cm-textfield:focus': {
    outline: 'none',
    borderColor: 'var(--focus)',
    boxShadow: '0 0 0 1px var(--focus)',
  },
  '.cm-button': {
    height: '28px',
    margin: 0,
    padding: '0 10px',
    fontSize: '12px',
    fontWeight: 500,
    borderRadius: 'var(--r)',
    border: '1px solid var(--line-2)',
    backgroundImage: 'none',
    backgroundColor: 'var(--surface-2)',
    color: 'var(--text)',
  },
  '.cm-button:hover, .cm-button:active': { backgroundImage: 'none', backgroundColor: 'var(--surface-3)' },
  '.cm-panel.cm-search [name=close], .cm-panel.cm-gotoLine [name=close], .cm-dialog-close': {
    position: 'absolute',
    top: '8px',
    right: '8px',
    width: '28px',
    height: '28px',
    fontSize: '16px',
    color: 'var(--text-2)',
    borderRadius: 'var(--r)',
  },
  '.cm-tooltip': {
    backgroundColor: 'var(--overlay)',
    border: '1px solid var(--line-2)',
    color: 'var(--text)',
  },
  // A comparison, in the colours of states: what goes is red, what comes is green.
  '&.cm-merge-a .cm-changedLine, .cm-deletedChunk': {
    backgroundColor: 'color-mix(in srgb, var(--fail-dot) 8%, transparent)',
  },
  '&.cm-merge-b .cm-changedLine, .cm-inlineChangedLine': {
    backgroundColor: 'color-mix(in srgb, var(--run-dot) 8%, transparent)',
  },
  '&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText, &.cm-merge-b .cm-deletedText': {
    background: 'linear-gradient(var(--fail-dot), var(--fail-dot)) bottom/100% 2px no-repeat',
  },
  '&.cm-merge-b .cm-changedText': {
    background: 'linear-gradient(var(--run-dot), var(--run-dot)) bottom/100% 2px no-repeat',
  },
  '&.cm-merge-a .cm-changedLineGutter, .cm-deletedLineGutter': { background: 'var(--fail-dot)' },
  '&.cm-merge-b .cm-changedLineGutter': { background: 'var(--run-dot)' },
  '.cm-deletedChunk .cm-chunkButtons': {
    position: 'static',
    display: 'flex',
    justifyContent: 'flex-end',
    gap: '8px',
    padding: '4px 12px',
    fontFamily: 'var(--font-ui)',
  },
  '.cm-deletedChunk .cm-chunkButtons button': {
    height: '28px',
    margin: '0',
    padding: '0 10px',
    fontSize: '12px',
    fontWeight: 500,
    borderRadius: 'var(--r)',
    border: '1px solid var(--line-2)',
    color: 'var(--text)',
    '&[name=accept], &[name=reject]': { background: 'var(--surface-2)' },
    '&:hover': { background: 'var(--surface-3)' },
  },
  '.cm-collapsedLines': {
    padding: '5px 12px',
    fontFamily: 'var(--font-ui)',
    fontSize: '12px',
    color: 'var(--text-2) !important',
    background: 'var(--surface-2) !important',
  },
  '@media (max-width: 639px)': {
    '.cm-deletedChunk .cm-chunkButtons button': { height: '44px', padding: '0 14px', fontSize: '13px' },
    '.cm-textfield': { height: '44px', fontSize: '16px', flex: '1 1 100%' },
    '.cm-button': { height: '44px', fontSize: '13px' },
    '.cm-panel.cm-search label': { minHeight: '44px' },
  },
})

const highlight = HighlightStyle.define([
  { tag: [tags.comment, tags.docComment], color: 'var(--term-dim)', fontStyle: 'italic' },
  { tag: [tags.keyword, tags.controlKeyword, tags.modifier, tags.operatorKeyword], color: 'var(--ansi-5)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--ansi-2)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--ansi-3)' },
  {
    tag: [tags.propertyName, tags.attributeName, tags.definition(tags.propertyName), tags.labelName],
    color: 'var(--ansi-4)',
  },
  { tag: [tags.tagName, tags.typeName, tags.className, tags.namespace], color: 'var(--ansi-6)' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: 'var(--ansi-4)' },
  { tag: [tags.definition(tags.variableName), tags.standard(tags.name)], color: 'var(--ansi-6)' },
  { tag: [tags.meta, tags.processingInstruction, tags.annotation], color: 'var(--ansi-5)' },
  { tag: [tags.heading], color: 'var(--ansi-4)', fontWeight: '600' },
  { tag: [tags.link, tags.url], color: 'var(--ansi-6)', textDecoration: 'underline' },
  { tag: tags.emphasis, fontStyle: 'italic' },
  { tag: tags.strong, fontWeight: '600' },
  { tag: tags.inserted, color: 'var(--ansi-2)' },
  { tag: [tags.deleted, tags.invalid], color: 'var(--ansi-1)' },
])

/** What every view of text looks like: the editor, and the two sides of a comparison. */
export const looks: Extension = [theme, syntaxHighlighting(highlight)]
