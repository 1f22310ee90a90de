import { history, historyKeymap } from '@codemirror/commands'
import { MergeView, unifiedMergeView } from '@codemirror/merge'
import { EditorState, type Extension, Text } from '@codemirror/state'
import { EditorView, keymap, lineNumbers } from '@codemirror/view'
import { useEffect, useRef } from 'react'
import { texts } from '~/i18n/texts'
import { looks } from './code-theme'
import { languageOf } from './languages'

const t = texts('file_editor')

interface Props {
  path: string
  theirs: string
  mine: string
  breaks: '\n' | '\r\n'
  /** One text with both in it, where there is no room for two. */
  narrow: boolean
  onMerged: (text: () => string) => void
}

function words(): Extension {
  return EditorState.phrases.of({
    Accept: t('merge.take'),
    Reject: t('merge.leave'),
    'Revert this chunk': t('merge.take_theirs'),
    '$ unchanged lines': t('merge.unchanged', { n: '$' }),
    'Go to next chunk': t('code.next'),
  })
}

/** Theirs beside mine, changes marked: on the right goes on what is mine, and takes over what of theirs is wanted. */
export default function Merge({ path, theirs, mine, breaks, narrow, onMerged }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const told = useRef(onMerged)
  told.current = onMerged
  useEffect(() => {
    const parent = host.current
    if (!parent) return
    let view: MergeView | EditorView | undefined
    let gone = false
    const show = (language: Extension) => {
      if (gone) return
      const both = [lineNumbers(), EditorState.lineSeparator.of(breaks), looks, words(), language]
      const named = (label: string) =>
        EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' })
      const writing = [history(), keymap.of(historyKeymap), named(t('merge.mine'))]
      const [left, right] = [Text.of(theirs.split(breaks)), Text.of(mine.split(breaks))]
      if (narrow) {
        const marks = unifiedMergeView({ original: left, mergeControls: true, highlightChanges: true })
        view = new EditorView({
          parent,
          doc: right,
          extensions: [both, writing, EditorView.lineWrapping, marks],
        })
        told.current(() => (view as EditorView).state.sliceDoc())
      } else {
        const fixed = [EditorState.readOnly.of(true), named(t('merge.theirs'))]
        view = new MergeView({
          parent,
          a: { doc: left, extensions: [both, fixed, EditorView.lineWrapping] },
          b: { doc: right, extensions: [both, writing, EditorView.lineWrapping] },
          revertControls: 'a-to-b',
          highlightChanges: true,
          collapseUnchanged: { margin: 4, minSize: 8 },
        })
        told.current(() => (view as MergeView).b.state.sliceDoc())
      }
    }
    const loading = languageOf(path)?.()
    if (loading) void loading.then(show)
    else show([])
    return () => {
      gone = true
      view?.destroy()
    }
  }, [path, theirs, mine, breaks, narrow])
  return <div ref={host} data-keys="own" className="min-h-0 min-w-0 flex-1 overflow-auto bg-term-bg" />
}
