/**
 * What somebody types goes up to whoever keeps the text, and comes back as the value to be shown: late, when the page is
 * busy, and by then more has been typed. Such an echo is not to be taken for a text from elsewhere, or keys would be lost.
 */
export class Echoes {
  private told: string[] = [];

  /** Notes a text that was told. */
  tell(text: string) {
    this.told.push(text);
  }

  /** Whether a value has to be put in the place of the text that there is. */
  isNews(value: string, text: string): boolean {
    const i = this.told.indexOf(value);
    this.told = value === text || i < 0 ? [] : this.told.slice(i + 1);
    return value !== text && i < 0;
  }
}
