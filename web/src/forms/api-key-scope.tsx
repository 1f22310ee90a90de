import { useQuery } from '@tanstack/react-query'
import { permissionsQuery } from '~/api/people'
import { ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Segmented } from '~/ui/segmented'
import { SkeletonRows } from '~/ui/wait'
import { KeyPicker } from './key-picker'
import { PresetPicker } from './preset-picker'

const t = texts('api_key')

export interface KeyScope {
  kind: 'all' | 'some'
  chosen: ReadonlySet<string>
}

/** What a key is for. It narrows: whatever is chosen, it never has more than its owner. */
export function KeyScopeField({ scope, onChange }: { scope: KeyScope; onChange: (scope: KeyScope) => void }) {
  return (
    <div>
      <div className="mb-1.5 font-medium">{t('scope.label')}</div>
      <Segmented
        label={t('scope.label')}
        value={scope.kind}
        choices={[
          { value: 'all', label: t('scope.all') },
          { value: 'some', label: t('scope.some') },
        ]}
        onChange={(kind) => onChange({ ...scope, kind })}
      />
      <p className="mt-1.5 text-12 text-t3">
        {t(scope.kind === 'all' ? 'scope.all_note' : 'scope.some_note')}
      </p>
      {scope.kind === 'some' && (
        <Some chosen={scope.chosen} onChange={(chosen) => onChange({ kind: 'some', chosen })} />
      )}
    </div>
  )
}

function Some({
  chosen,
  onChange,
}: {
  chosen: ReadonlySet<string>
  onChange: (chosen: ReadonlySet<string>) => void
}) {
  const permissions = useQuery(permissionsQuery)
  if (permissions.isPending) return <SkeletonRows rows={4} />
  if (permissions.isError)
    return <ProblemView error={permissions.error} onRetry={() => void permissions.refetch()} />
  const { keys, presets } = permissions.data
  // Nothing is locked: what somebody has on single servers alone may be meant too.
  const mine = new Set(keys.map(({ key }) => key))
  return (
    <div className="mt-3 flex flex-col gap-4">
      <PresetPicker {...{ presets, chosen, mine }} onChoose={(preset) => onChange(new Set(preset.keys))} />
      <KeyPicker permissions={keys} {...{ chosen, mine, onChange }} />
    </div>
  )
}
