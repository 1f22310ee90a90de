import { Field, Input } from '~/ui/field'
import { dayOf } from '~/util/ends'

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
    <Field
      label="Until"
      note="optional"
      help="Ends by itself when that day is over. Left empty: until somebody takes it back."
      error={error}
    >
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
