import { texts } from '~/i18n/texts'
import { Field, Input } from '~/ui/field'
import { dayOf } from '~/util/ends'

const t = texts('form_parts')

/** Until which day something is given; empty for as long as nobody takes it back. */
export function EndsField({
  day,
  error,
  onChange,
}: {
  day: string
  error?: string | undefined
  onChange: (day: string) => void
}) {
  return (
    <Field label={t('ends.until')} note={t('optional')} help={t('ends.help')} error={error}>
      {(ids) => (
        <Input
          {...ids}
          type="date"
          min={dayOf(new Date().toISOString())}
          value={day}
          onChange={(event) => onChange(event.target.value)}
          className="sm:w-44!"
        />
      )}
    </Field>
  )
}
