import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { bracketMatching, codeFolding, foldGutter, foldKeymap, indentOnInput } from '@codemirror/language'
import {
  gotoLine,
  highlightSelectionMatches,
  openSearchPanel,
  search,
  searchKeymap,
} from '@codemirror/search'
import { Compartment, EditorState, type Extension, Text } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view'
import { type Ref, useEffect, useImperativeHandle, useRef } from 'react'
import { texts } from '~/i18n/texts'
import { looks } from './code-theme'
import type { Draft } from './documents'
import { languageOf } from './languages'

const t = texts('file_editor')

/** Where the cursor stands, from 1. */
export interface Place {
  line: number
  column: number
  lines: number
}

export interface CodeHandle {
  find: () => void
  goToLine: () => void
  focus: () => void
}

interface Props {
  path: string
  /** The text that it begins with, when there is no draft. */
  text: string
  breaks: '\n' | '\r\n'
  draft: Draft | undefined
  /** Changes when `text` has to be taken anew. */
  revision: string
  readOnly: boolean
  wrap: boolean
  /** Jumps there, once for each place. */
  line: number | undefined
  label: string
  onEdit: (draft: Draft, dirty: boolean) => void
  onPlace: (place: Place) => void
  onSave: () => void
  ref?: Ref<CodeHandle>
}

const highlighting = new Compartment()
const wrapping = new Compartment()
const writing = new Compartment()

/** The words of its own panels, by the English ones. */
function phrases(): Extension {
  return EditorState.phrases.of({
    Find: t('code.find'),
    Replace: t('code.replace_with'),
    next: t('code.next'),
    previous: t('code.previous'),
    all: t('code.all'),
    'match case': t('code.match_case'),
    regexp: t('code.regexp'),
    'by word': t('code.by_word'),
    replace: t('code.replace'),
    'replace all': t('code.replace_all'),
    close: t('code.close'),
    'Go to line': t('code.go_to_line'),
    go: t('code.go'),
    'current match': t('code.current_match'),
    'replaced $ matches': t('code.replaced', { n: '$' }),
    'replaced match on line $': t('code.replaced_on', { n: '$' }),
    'on line': t('code.on_line'),
    'Fold line': t('code.fold'),
    'Unfold line': t('code.unfold'),
    'folded code': t('code.folded'),
    unfold: t('code.unfold'),
    'Folded lines': t('code.folded'),
    'Unfolded lines': t('code.unfold'),
    to: t('code.to'),
    'Selection deleted': t('code.deleted'),
    'Control character': t('code.control'),
  })
}

/** CodeMirror, in our colours and languages. Holds one file at a time; where one was left is kept in its draft. */
export default function Code(props: Props) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(undefined)
  const latest = useRef(props)
  latest.current = props
  const saved = useRef(Text.empty)
  const { path, revision, text, breaks, readOnly, wrap, line, ref } = props

  useImperativeHandle(ref, () => ({
    find: () => view.current && openSearchPanel(view.current),
    goToLine: () => view.current && gotoLine(view.current),
    focus: () => view.current?.focus(),
  }))

  useEffect(() => {
    if (!host.current) return
    const editor = new EditorView({ parent: host.current })
    view.current = editor
    return () => {
      editor.destroy()
      view.current = undefined
    }
  }, [])

  // The text as it is saved: what differs from it is not.
  useEffect(() => {
    saved.current = Text.of(text.split(breaks))
  }, [text, breaks])

  // One view for all open files: states are put in and taken out, with their history.
  useEffect(() => {
    const editor = view.current
    if (!editor) return
    const now = latest.current
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches
    const told = (state: EditorState) => {
      const head = state.selection.main.head
      const here = state.doc.lineAt(head)
      latest.current.onPlace({ line: here.number, column: head - here.from + 1, lines: state.doc.lines })
    }
    const state =
      (now.draft?.state as EditorState | undefined) ??
      EditorState.create({
        doc: Text.of(now.text.split(now.breaks)),
        extensions: [
          lineNumbers(),
          highlightActiveLineGutter(),
          highlightSpecialChars(),
          history(),
          codeFolding(),
          foldGutter(),
          drawSelection(still ? { cursorBlinkRate: 0 } : {}),
          indentOnInput(),
          bracketMatching(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          search({ top: true }),
          EditorState.lineSeparator.of(now.breaks),
          EditorView.contentAttributes.of(() => ({
            'aria-label': latest.current.label,
            autocapitalize: 'none',
            spellcheck: 'false',
          })),
          looks,
          phrases(),
          highlighting.of([]),
          wrapping.of([]),
          writing.of([]),
          keymap.of([
            {
              key: 'Mod-s',
              preventDefault: true,
              run: () => {
                latest.current.onSave()
                return true
              },
            },
            { key: 'Mod-g', preventDefault: true, run: gotoLine },
            ...searchKeymap,
            ...historyKeymap,
            ...foldKeymap,
            indentWithTab,
            ...defaultKeymap,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged || update.selectionSet) told(update.state)
            if (!update.docChanged) return
            const { state } = update
            latest.current.onEdit({ text: () => state.sliceDoc(), state }, !state.doc.eq(saved.current))
          }),
        ],
      })
    editor.setState(state)
    told(state)
    const loading = languageOf(path)?.()
    void loading?.then((support) => {
      if (view.current === editor && latest.current.path === path)
        editor.dispatch({ effects: highlighting.reconfigure(support) })
    })
    return () => {
      const { path: next, revision: anew } = latest.current
      // What was read anew begins anew.
      if (next === path && anew !== revision) return
      const left = editor.state
      const draft: Draft = { text: () => left.sliceDoc(), state: left }
      now.onEdit(draft, !left.doc.eq(saved.current))
    }
  }, [path, revision])

  // biome-ignore lint/correctness/useExhaustiveDependencies: a state that was put in anew is told again
  useEffect(() => {
    view.current?.dispatch({
      effects: [
        wrapping.reconfigure(wrap ? EditorView.lineWrapping : []),
        writing.reconfigure(readOnly ? [EditorState.readOnly.of(true)] : []),
      ],
    })
  }, [wrap, readOnly, path, revision])

  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each place that an address names
  useEffect(() => {
    const editor = view.current
    if (!editor || line === undefined) return
    const { from } = editor.state.doc.line(Math.min(Math.max(1, line), editor.state.doc.lines))
    editor.dispatch({
      selection: { anchor: from },
      effects: EditorView.scrollIntoView(from, { y: 'center' }),
    })
    editor.focus()
  }, [line, path])

  return <div ref={host} data-keys="own" className="min-h-0 min-w-0 flex-1 overflow-hidden" />
}
