import { useId } from "react";
import { SearchInput } from "../../parts/field";
import { useMeanings } from "../../api/catalogue";
import css from "./events.module.css";

/** A search by type, which knows all there are. */
export function TypeSearch({ value, onSearch }: { value: string; onSearch(type: string): void }) {
  const id = useId();
  const meanings = useMeanings();
  return (
    <div className={css.type}>
      <SearchInput label="Type, such as call.* or *.answered" value={value} onSearch={onSearch} list={id} maxLength={128} />
      <datalist id={id}>
        {families(meanings).map(([type, meaning]) => (
          <option key={type} value={type}>
            {meaning}
          </option>
        ))}
      </datalist>
    </div>
  );
}

/** Every type, and each family of them as a whole. */
function families(meanings: Map<string, string>): [string, string][] {
  const all = [...meanings];
  const groups = [...new Set(all.map(([t]) => t.split(".")[0]))];
  return [...groups.map((g): [string, string] => [`${g}.*`, `Everything of ${g}`]), ...all];
}
