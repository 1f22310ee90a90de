import { useState } from 'react'
import { useFoundServers } from '~/hooks/use-found-servers'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { SearchInput } from '~/ui/field'
import { Segmented } from '~/ui/segmented'

const t = texts('consumers')

export interface EventScope {
  kind: 'all' | 'some'
  servers: string[]
}

/** Which servers' events a consumer may read. */
export function EventScopeField({
  scope,
  onChange,
}: {
  scope: EventScope
  onChange: (scope: EventScope) => void
}) {
  const [text, setText] = useState('')
  const { whole, found } = useFoundServers(text)
  return (
    <div>
      <div className="mb-1.5 font-medium">{t('scope')}</div>
      <Segmented
        label={t('scope')}
        value={scope.kind}
        choices={[
          { value: 'all', label: t('scope.all') },
          { value: 'some', label: t('scope.some') },
        ]}
        onChange={(kind) => onChange({ ...scope, kind })}
      />
      {scope.kind === 'some' && whole === false && (
        <SearchInput
          label={t('scope.search')}
          className="mt-2"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      )}
      {scope.kind === 'some' && (
        <ul className="mt-2 max-h-48 overflow-y-auto rounded-box border border-line-2 py-1">
          {found.map((server) => (
            <li key={server.id}>
              {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
              <label className="flex min-h-8 items-center gap-2 px-3 hover:bg-surface-2 max-sm:min-h-11">
                <Checkbox
                  checked={scope.servers.includes(server.id)}
                  onChange={(event) =>
                    onChange({
                      ...scope,
                      servers: event.target.checked
                        ? [...scope.servers, server.id]
                        : scope.servers.filter((id) => id !== server.id),
                    })
                  }
                />
                {server.name}
              </label>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
