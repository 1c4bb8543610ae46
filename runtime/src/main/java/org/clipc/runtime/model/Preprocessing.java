package org.clipc.runtime.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.clipc.runtime.data.ClipPreparation;
import org.clipc.runtime.data.ClipPreparation.CaptionChoice;
import org.clipc.runtime.data.image.ColourJitter;
import org.clipc.runtime.data.image.DecodeOptions;
import org.clipc.runtime.data.image.HorizontalFlip;
import org.clipc.runtime.data.image.ImageDecoder;
import org.clipc.runtime.data.image.ImageTransform;
import org.clipc.runtime.data.image.Interpolation;
import org.clipc.runtime.data.image.Normalization;
import org.clipc.runtime.data.image.RandomAffine;
import org.clipc.runtime.data.image.RandomGrey;
import org.clipc.runtime.data.image.RandomResizedCrop;
import org.clipc.runtime.data.image.ResizeMode;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.text.ClipTokenizer;

/** How a recipe's {@code model.data} brings pictures and captions to the form that a model takes. */
public final class Preprocessing {

    private static final int WHITE = 0xFFFFFF;
    private static final int BLACK = 0;

    /** open_clip's probability of jittering colours at all, and its hue for a strength of 0.32 in all else. */
    private static final double JITTER_PROBABILITY = 0.8;

    private static final double HUE_SHARE = 0.25;

    private final Recipe recipe;
    private final int imageSize;
    private final int contextLength;
    private final ClipTokenizer tokenizer = new ClipTokenizer();

    /** @throws DeviceException if the model's vocabulary is too small for CLIP's tokenizer */
    public Preprocessing(Recipe recipe, ClipModel model) {
        var vocabulary = model.vocabulary();
        if (vocabulary < ClipTokenizer.VOCABULARY_SIZE) {
            throw new DeviceException("the model knows " + vocabulary + " tokens, but CLIP's tokenizer gives "
                    + ClipTokenizer.VOCABULARY_SIZE + ": its texts must come as tokens");
        }
        this.recipe = recipe;
        this.imageSize = model.imageSize();
        this.contextLength = model.contextLength();
    }

    public ClipTokenizer tokenizer() {
        return tokenizer;
    }

    /** Random crops and what {@code model.data.augment} asks for; any of a picture's captions. */
    public ClipPreparation training() {
        var scale = pair("model.data.scale", List.of(0.9, 1.0));
        var ratio = pair("model.data.ratio", List.of(3 / 4.0, 4 / 3.0));
        var steps = new ArrayList<ImageTransform>();
        var jitter = augment("color_jitter");
        var degrees = augment("rotate_degrees");
        var translate = augment("translate");
        try {
            steps.add(new RandomResizedCrop(
                    imageSize, scale.get(0), scale.get(1), ratio.get(0), ratio.get(1), interpolation()));
            if (degrees > 0 || translate > 0) {
                steps.add(new RandomAffine(degrees, translate, 1, 1, 0, WHITE));
            }
            if (augment("horizontal_flip") > 0) {
                steps.add(new HorizontalFlip(augment("horizontal_flip")));
            }
            if (jitter > 0) {
                steps.add(new ColourJitter(
                        jitter, jitter, jitter, Math.min(0.5, HUE_SHARE * jitter), JITTER_PROBABILITY));
            }
            if (augment("grayscale") > 0) {
                steps.add(new RandomGrey(augment("grayscale")));
            }
        } catch (IllegalArgumentException e) {
            throw new RecipeException("model.data: " + e.getMessage());
        }
        return preparation(ImageTransform.chain(steps), CaptionChoice.RANDOM);
    }

    /** {@code model.data.resize_mode}, and a picture's first caption. */
    public ClipPreparation evaluation() {
        var mode = choice("model.data.resize_mode", ResizeMode.SHORTEST, ResizeMode.values());
        return preparation(mode.toSquare(imageSize, interpolation(), BLACK), CaptionChoice.FIRST);
    }

    private ClipPreparation preparation(ImageTransform transform, CaptionChoice captions) {
        return new ClipPreparation(
                new ImageDecoder(DecodeOptions.DEFAULT),
                transform,
                normalization(recipe),
                tokenizer,
                contextLength,
                captions);
    }

    public static Normalization normalization(Recipe recipe) {
        var mean = recipe.numbers("model.data.mean");
        var std = recipe.numbers("model.data.std");
        if (mean.isEmpty() && std.isEmpty()) {
            return Normalization.OPENAI;
        }
        try {
            return new Normalization(
                    mean.stream().map(Double::floatValue).toList(),
                    std.stream().map(Double::floatValue).toList());
        } catch (IllegalArgumentException e) {
            throw new RecipeException("model.data: " + e.getMessage());
        }
    }

    private Interpolation interpolation() {
        return choice("model.data.interpolation", Interpolation.BICUBIC, Interpolation.values());
    }

    private double augment(String name) {
        return recipe.number("model.data.augment." + name).orElse(0.0);
    }

    private List<Double> pair(String key, List<Double> fallback) {
        var numbers = recipe.numbers(key);
        if (numbers.isEmpty()) {
            return fallback;
        }
        if (numbers.size() != 2) {
            throw new RecipeException("'" + key + "' must be two numbers, not " + numbers);
        }
        return numbers;
    }

    private <E extends Enum<E>> E choice(String key, E fallback, E[] values) {
        var text = recipe.text(key);
        if (text.isEmpty()) {
            return fallback;
        }
        for (var value : values) {
            if (value.name().toLowerCase(Locale.ROOT).equals(text.get())) {
                return value;
            }
        }
        throw new RecipeException("'" + key + "' cannot be '" + text.get() + "'");
    }
}
