// Starts Swagger UI with a plugin that shows the numbers in JSON responses exactly. Without it, Swagger UI parses and
// reformats each response, which rounds numbers to JavaScript's 64-bit floating point.
"use strict"

// The tokens that change when a JSON text is indented. It does not match numbers, true, false and null.
const TOKENS = /(?<string>"[^"\\]*(?:\\.[^"\\]*)*")|(?<space>\s+)|(?<empty>\[\s*\]|\{\s*\})|[[\]{}:,]/g

/** Indent a JSON text. Throws a SyntaxError if the text is not JSON. */
function indented(json) {
    JSON.parse(json)
    let line = "\n"
    return json.replace(TOKENS, (token, string, space, empty) => {
        if (string) return JSON.stringify(JSON.parse(string)) // replaces \u00e9 with é
        if (space) return ""
        if (empty) return token[0] + token.at(-1)
        if (token === ":") return ": "
        if (token === ",") return token + line
        if (token === "[" || token === "{") return token + (line += "  ")
        return (line = line.slice(0, -2)) + token
    })
}

/** The Swagger UI plugin. A body that is not valid JSON is shown as received. */
const exactNumbers = ({ React, getComponent }) => ({
    wrapComponents: {
        responseBody: (Original) => (props) => {
            if (!/json/i.test(props.contentType)) return React.createElement(Original, props)
            let text = props.content
            try {
                text = indented(text)
            } catch {}
            const options = { language: "json", canCopy: true, downloadable: true, fileName: "response.json" }
            return React.createElement(
                "div",
                null,
                React.createElement("h5", null, "Response body"),
                React.createElement(getComponent("HighlightCode", true), options, text),
            )
        },
    },
})

SwaggerUIBundle({
    dom_id: "#swagger-ui",
    url: document.currentScript.dataset.description,
    plugins: [exactNumbers],
    layout: "BaseLayout", // without the bar for loading other descriptions
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null, // otherwise Swagger UI sends the description's URL to a service on the Internet
})
