/* masa bench on a tiny model: every section gives its rows, and the memory that the
 * trainer said it would need is near what the process took. */
