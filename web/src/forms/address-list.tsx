import { useEffect, useRef } from 'react'
import { language, texts } from '~/i18n/texts'
import { Field, Textarea } from '~/ui/field'
import type { Refused } from '~/util/addresses'
import { visible } from '~/util/visible'

const t = texts('api_key')
const form = texts('form_parts')

/** Addresses and networks, a line each. What was refused is named with its line, and the first of it selected. */
export function AddressListField({
  text,
  refused,
  error,
  onChange,
}: {
  text: string
  refused: Refused[]
  /** Of the list as a whole. */
  error?: string | undefined
  onChange: (text: string) => void
}) {
  const box = useRef<HTMLTextAreaElement>(null)
  const [first] = refused
  const { from, to } = first ?? {}
  useEffect(() => {
    if (from === undefined || to === undefined) return
    box.current?.focus()
    box.current?.setSelectionRange(from, to)
  }, [from, to])
  return (
    <Field
      label={t('from.label')}
      note={form('optional')}
      help={t('from.help')}
      error={refused.length > 0 ? <RefusedLines refused={refused} /> : error}
    >
      {(ids) => (
        <Textarea
          {...ids}
          ref={box}
          rows={3}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => onChange(event.target.value)}
          className="mono sm:text-12!"
        />
      )}
    </Field>
  )
}

function RefusedLines({ refused }: { refused: Refused[] }) {
  return refused.map(({ line, from, text, why }) => (
    <span key={from} className="block">
      {t.rich('from.refused', {
        line,
        text: <bdi className="mono">{visible(text)}</bdi>,
        // Only English goes on in small letters: a German sentence may begin with a noun.
        why: language() === 'en' ? why.charAt(0).toLowerCase() + why.slice(1) : why,
      })}
    </span>
  ))
}
