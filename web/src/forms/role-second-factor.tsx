import { Switch } from '~/ui/bits'

const LABEL = 'Counts only with two-step sign-in'

/** Whether a role gives nothing to somebody whose sign-in is the password alone. */
export function RoleSecondFactor({
  on,
  off = false,
  onChange,
}: {
  on: boolean
  off?: boolean
  onChange: (on: boolean) => void
}) {
  return (
    <div className="flex items-center gap-3 rounded-box border border-line px-4 py-3">
      <div className="min-w-0 flex-1">
        <div className="font-medium">{LABEL}</div>
        <div className="text-12 text-t3">
          It gives nothing to whoever has it, until they have set up an authenticator app.
        </div>
      </div>
      <Switch
        label={LABEL}
        checked={on}
        disabled={off}
        onChange={(event) => onChange(event.target.checked)}
      />
    </div>
  )
}
